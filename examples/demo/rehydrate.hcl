# The demo's configuration: one image line, two rings of groups, one long-lived node.

region = "eu-west-1"

artifacts {
  bucket = "demo-artifacts"
}

baseline "demo" {
  operating_system = "DEBIAN"
  description      = "everything that Debian and the demo archive offer, but for one rejected and one delayed package"

  # One pending package is rejected ...
  rejected_patches = ["demo-agent"]

  # ... and one is too young: delays on Debian are an extension that SSM does not have.
  apt_approval_delay = true

  approval_rule {
    approve_after_days  = 0
    enable_non_security = true

    patch_filter {
      key    = "PRIORITY"
      values = ["Required", "Important", "Standard", "Optional"]
    }
  }

  approval_rule {
    approve_after_days  = 7
    enable_non_security = true

    patch_filter {
      key    = "PRIORITY"
      values = ["Extra"]
    }
  }
}

image "demo" {
  baseline      = baseline.demo
  source_name   = "debian-12-demo-*"
  source_owners = ["136693071363"]
  architecture  = "x86_64"
  ssh_username  = "admin"
  channel       = "/golden/demo/latest"
  rings         = ["dev", "prod"]
}

fleet "web-dev" {
  follows  = image.demo
  ring     = "dev"
  asg_tags = { App = "web", Env = "dev" }

  refresh {
    min_healthy = "50%"
    soak        = "10m"
  }
}

fleet "web-prod" {
  follows  = image.demo
  ring     = "prod"
  asg_tags = { App = "web", Env = "prod" }

  refresh {
    min_healthy = "66%"
    rollback    = true
  }
}

fleet "db" {
  follows   = image.demo
  node_tags = { "Patch Group" = "db" }

  in_place {
    batch  = 1
    reboot = "never"
  }
}
