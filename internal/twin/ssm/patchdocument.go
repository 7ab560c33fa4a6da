package ssm

// runPatchBaseline is the document that patches by a baseline.
const runPatchBaseline = "AWS-RunPatchBaseline"

// patchDocumentText is AWS-RunPatchBaseline's content: the parameters, their patterns
// and the steps are Amazon's (specification §11), what the steps do is the agent's, see
// patch. Not modelled, and refused by name, for nothing here calls them:
// AWS-RunPatchBaselineAssociation, AWS-RunPatchBaselineWithHooks, AWS-ApplyPatchBaseline.
const patchDocumentText = `{
  "schemaVersion": "2.2",
  "description": "Scans for or installs patches from a patch baseline to a Linux or Windows operating system.",
  "parameters": {
    "Operation": {"type": "String", "description": "(Required) The update or configuration to perform on the instance.", "allowedValues": ["Scan", "Install"]},
    "AssociationId": {"type": "String", "default": "", "description": "(Optional) The patch policy's association.", "allowedPattern": "^$|^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"},
    "SnapshotId": {"type": "String", "default": "", "description": "(Optional) The snapshot ID to use.", "allowedPattern": "^$|^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"},
    "InstallOverrideList": {"type": "String", "default": "", "description": "(Optional) An https URL or S3 path to a list of patches to install.", "allowedPattern": "(^$)|^https://.+$|^s3://([^/]+)/(.*?([^/]+))$"},
    "BaselineOverride": {"type": "String", "default": "", "description": "(Optional) An https URL or S3 path to patch baselines.", "allowedPattern": "(^$)|^https://.+$|^s3://([^/]+)/(.*?([^/]+))$"},
    "RebootOption": {"type": "String", "default": "RebootIfNeeded", "description": "(Optional) Reboot behavior after a patch Install operation.", "allowedValues": ["RebootIfNeeded", "NoReboot"]},
    "StepTimeoutSeconds": {"type": "String", "default": "7200", "description": "(Optional) The time in seconds for a step to complete.", "allowedPattern": "^([1-9]|[1-9][0-9]{1,3}|[1-2][0-9]{4}|3[0-5][0-9]{3}|36000)$"}
  },
  "mainSteps": [
    {"precondition": {"StringEquals": ["platformType", "Windows"]}, "action": "aws:runPowerShellScript", "name": "PatchWindows",
     "inputs": {"timeoutSeconds": "{{ StepTimeoutSeconds }}", "runCommand": ["# modelled by the twin: no node runs Windows"]}},
    {"precondition": {"StringEquals": ["platformType", "MacOS"]}, "action": "aws:runShellScript", "name": "PatchMacOS",
     "inputs": {"timeoutSeconds": "{{ StepTimeoutSeconds }}", "runCommand": ["# modelled by the twin: no node runs macOS"]}},
    {"precondition": {"StringEquals": ["platformType", "Linux"]}, "action": "aws:runShellScript", "name": "PatchLinux",
     "inputs": {"timeoutSeconds": "{{ StepTimeoutSeconds }}", "runCommand": ["# modelled by the twin: its agent patches", "# Operation={{ Operation }} RebootOption={{ RebootOption }} SnapshotId={{ SnapshotId }}"]}}
  ]
}`
