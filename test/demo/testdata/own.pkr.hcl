variable "region" { type = string }
variable "name" { type = string }
variable "source" { type = string }

source "amazon-ebs" "own" {
  region        = var.region
  source_ami    = var.source
  ami_name      = var.name
  instance_type = "t3.small"
  ssh_username  = "admin"
  ssh_interface = "private_ip"

  aws_polling {
    delay_seconds = 1
    max_attempts  = 300
  }
}

build {
  sources = ["source.amazon-ebs.own"]

  provisioner "shell" {
    inline = ["sudo touch /etc/own-template", "dpkg-query -W demo-tool"]
  }
}
