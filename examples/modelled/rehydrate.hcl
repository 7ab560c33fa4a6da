# The main job on package data: neither root, Packer, Debian tools nor an AWS account.
#
#   rehydrate run --twin --modelled

region = "eu-west-1"

artifacts {
  bucket = "demo-artifacts"
}

baseline "web" {
  operating_system = "DEBIAN"
  description      = "everything that is offered, but for one rejected and one delayed package"

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

image "web" {
  baseline      = baseline.web
  source_name   = "debian-12-modelled-*"
  source_owners = ["136693071363"]
  architecture  = "x86_64"
  ssh_username  = "admin"
  channel       = "/golden/web/latest"
  rings         = ["dev", "prod"]
}

fleet "web-dev" {
  follows  = image.web
  ring     = "dev"
  asg_tags = { App = "web", Env = "dev" }

  refresh {
    min_healthy = "50%"
    soak        = "10m"
  }
}

fleet "web-prod" {
  follows  = image.web
  ring     = "prod"
  asg_tags = { App = "web", Env = "prod" }

  refresh {
    min_healthy = "66%"
    rollback    = true
  }
}

fleet "db" {
  follows   = image.web
  node_tags = { "Patch Group" = "db" }

  in_place {
    batch  = 1
    reboot = "never"
  }
}

# What --twin begins with.
twin {
  world = "world.json"
}
