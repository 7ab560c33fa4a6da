# A user's own template that patches properly and then leaves a host key and a work folder.
variable "rehydrate_region" { type = string }
variable "rehydrate_source_ami" { type = string }
variable "rehydrate_image_name" { type = string }
variable "rehydrate_run_tags" { type = map(string) }
variable "rehydrate_image_tags" { type = map(string) }
variable "rehydrate_node_binary" { type = string }
variable "rehydrate_baseline_file" { type = string }
variable "rehydrate_options_file" { type = string }
variable "rehydrate_report_file" { type = string }
variable "rehydrate_lock_out" { type = string }
variable "rehydrate_bundle_out" { type = string }
variable "rehydrate_manifest" { type = string }
variable "rehydrate_run" { type = string }
variable "rehydrate_marker" { type = string }
variable "rehydrate_now" { type = string }

source "amazon-ebs" "own" {
  region                     = var.rehydrate_region
  source_ami                 = var.rehydrate_source_ami
  ami_name                   = var.rehydrate_image_name
  instance_type              = "t3.small"
  ssh_username               = "admin"
  skip_region_validation     = true
  skip_credential_validation = true
  skip_metadata_api_check    = true
  run_tags                   = var.rehydrate_run_tags
  run_volume_tags            = var.rehydrate_run_tags
  tags                       = var.rehydrate_image_tags
  snapshot_tags              = var.rehydrate_image_tags
  ssh_interface              = "private_ip"

  aws_polling {
    delay_seconds = 1
    max_attempts  = 300
  }
}

build {
  sources = ["source.amazon-ebs.own"]

  provisioner "rehydrate-patch" {
    node_binary   = var.rehydrate_node_binary
    baseline_file = var.rehydrate_baseline_file
    options_file  = var.rehydrate_options_file
    report_file   = var.rehydrate_report_file
    lock_out      = var.rehydrate_lock_out
    bundle_out    = var.rehydrate_bundle_out
    run           = var.rehydrate_run
    marker        = var.rehydrate_marker
    now           = var.rehydrate_now
  }

  provisioner "shell" {
    inline = [
      "sudo mkdir -p /etc/ssh /tmp/rehydrate-left",
      "echo not a key | sudo tee /etc/ssh/ssh_host_rsa_key >/dev/null",
    ]
  }

  post-processor "rehydrate-manifest" {
    output = var.rehydrate_manifest
  }
}
