# One image line for three accounts in two Regions, with customer keys, ring gates and a
# calendar. On the embedded AWS, which needs neither an account nor root:
#
#   rehydrate run --twin --modelled
#   rehydrate publish --verify --twin
#   rehydrate rehearse --twin --fault health=web

region = "eu-west-1"

artifacts {
  bucket = "demo-artifacts"
}

# The account of the program's own credentials bakes; the others use what it bakes.
account "tools" {
  id      = "111122223333"
  regions = ["eu-west-1", "us-east-1"]
}

account "stage" {
  id          = "222222222222"
  role        = "rehydrate"
  external_id = "golden-stage"
  regions     = ["eu-west-1", "us-east-1"]
}

account "prod" {
  id          = "333333333333"
  role        = "rehydrate"
  external_id = "golden-prod"
  regions     = ["eu-west-1", "us-east-1"]
  concurrency = 2 # groups that roll at a time in each Region
}

baseline "web" {
  operating_system = "DEBIAN"
  rejected_patches = ["demo-agent"]

  approval_rule {
    enable_non_security = true

    patch_filter {
      key    = "PRIORITY"
      values = ["Required", "Important", "Standard", "Optional"]
    }
  }
}

image "web" {
  baseline      = baseline.web
  source_name   = "debian-12-modelled-*"
  source_owners = ["136693071363"]
  channel       = "/golden/web/latest"
  rings         = ["stage", "prod"]

  # Pointers of the rings' own, for what launches by them. What has passed stage may be
  # promoted to prod: rehydrate publish promote stage prod
  channels = { stage = "/golden/web/stage", prod = "/golden/web/prod" }

  distribute {
    accounts = ["tools", "stage", "prod"]
    kms_key  = "alias/golden" # each Region resolves the alias for itself
  }

  ring "stage" {
    soak = "30m"
  }

  ring "prod" {
    concurrency  = 4
    max_failures = 0

    window {
      schedule = "cron(0 8 ? * MON-FRI *)"
      duration = "8h"
      timezone = "Europe/Berlin"
    }
  }

  retire {
    keep             = 3
    deprecate_after  = "30d"
    disable_after    = "60d"
    deregister_after = "90d"
  }
}

fleet "web-stage" {
  follows   = image.web
  ring      = "stage"
  asg_names = ["web"]
  accounts  = ["stage"]

  refresh {
    min_healthy = "50%"
  }
}

fleet "web-prod" {
  follows   = image.web
  ring      = "prod"
  asg_names = ["web"]
  accounts  = ["prod"]

  refresh {
    min_healthy = "75%"
  }
}

freeze "year end" {
  from = "2026-12-20T00:00:00Z"
  to   = "2027-01-03T00:00:00Z"
}

# What --twin begins with.
twin {
  world = "world.json"
}
