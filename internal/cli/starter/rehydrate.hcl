# What is baked, proved, published and rolled. `rehydrate config check` reads it
# without doing anything; `rehydrate plan` shows what a run would do.

region = "eu-west-1"

# Where long-lived nodes fetch the package files and requests of their patches.
artifacts {
  bucket = "my-golden-artifacts"
}

# The patch policy, with the argument names of Terraform's aws_ssm_patch_baseline.
baseline "debian" {
  operating_system = "DEBIAN"

  approval_rule {
    compliance_level = "HIGH"

    patch_filter {
      key    = "PRIORITY"
      values = ["Required", "Important", "Standard", "Optional", "Extra"]
    }
  }
}

# One image line: baked from the newest image of that name, followed by its channel.
image "web" {
  baseline      = baseline.debian
  source_name   = "debian-12-amd64-*"
  source_owners = ["136693071363"] # Debian's own account
  channel       = "/golden/web/latest"
  rings         = ["dev", "prod"]
}

# What follows the channel, ring by ring.
fleet "web-dev" {
  follows  = image.web
  ring     = "dev"
  asg_tags = { App = "web", Env = "dev" }

  refresh {
    min_healthy = "50%"
    soak        = "30m"
  }
}

fleet "web-prod" {
  follows  = image.web
  ring     = "prod"
  asg_tags = { App = "web", Env = "prod" }

  refresh {
    min_healthy      = "90%"
    checkpoints      = [10, 50, 100]
    checkpoint_delay = "15m"
    alarms           = []
  }
}

# Nodes that cannot be replaced get the same lock, in place.
fleet "db" {
  follows   = image.web
  node_tags = { "Patch Group" = "db" }

  in_place {
    reboot = "never"
  }
}
