# Two image lines: one that bakes from whatever the archive's address serves, and one
# whose own Packer template leaves on the image what must not be there.

region = "eu-west-1"

artifacts {
  bucket = "demo-artifacts"
}

baseline "all" {
  operating_system = "DEBIAN"

  approval_rule {
    approve_after_days  = 0
    enable_non_security = true

    patch_filter {
      key    = "PRIORITY"
      values = ["*"]
    }
  }
}

image "plain" {
  baseline      = baseline.all
  source_name   = "debian-12-demo-*"
  source_owners = ["136693071363"]
  architecture  = "x86_64"
  ssh_username  = "admin"
  channel       = "/golden/plain/latest"
}

image "untidy" {
  baseline      = baseline.all
  source_name   = "debian-12-demo-*"
  source_owners = ["136693071363"]
  architecture  = "x86_64"
  ssh_username  = "admin"
  channel       = "/golden/untidy/latest"
  template      = "untidy.pkr.hcl"
  rings         = ["all"]
}

fleet "web" {
  follows  = image.untidy
  ring     = "all"
  asg_tags = { App = "web" }

  refresh {
    min_healthy = "50%"
  }
}
