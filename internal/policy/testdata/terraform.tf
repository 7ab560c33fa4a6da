resource "aws_ssm_patch_baseline" "web_prod-1" {
  name                                 = "web.prod-1"
  description                          = "100 %%{sure}: \"yes\", $${not} <now> # '"
  operating_system                     = "AMAZON_LINUX_2023"
  approved_patches                     = ["CVE-2024-1234", "12345", "yes", "1.10"]
  approved_patches_compliance_level    = "CRITICAL"
  approved_patches_enable_non_security = true
  rejected_patches                     = ["kernel*", "- x", "a: b"]
  rejected_patches_action              = "BLOCK"

  global_filter {
    key    = "PRODUCT"
    values = ["*"]
  }

  approval_rule {
    approve_after_days  = 7
    compliance_level    = "HIGH"
    enable_non_security = false

    patch_filter {
      key    = "CLASSIFICATION"
      values = ["Security"]
    }

    patch_filter {
      key    = "SEVERITY"
      values = ["Critical", "Important"]
    }
  }

  approval_rule {
    approve_until_date  = "2026-06-30"
    enable_non_security = true

    patch_filter {
      key    = "CLASSIFICATION"
      values = ["Bugfix"]
    }
  }

  source {
    name          = "own"
    products      = ["AmazonLinux2023"]
    configuration = "[own]\nname=own\nbaseurl=https://repo.example.com/$basearch\n"
  }
}
