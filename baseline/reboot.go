package baseline

import "fmt"

// RebootOption is the parameter of the run documents; empty is RebootIfNeeded.
type RebootOption string

// The reboot options.
const (
	RebootIfNeeded RebootOption = "RebootIfNeeded"
	NoReboot       RebootOption = "NoReboot"
)

// PackageManagerOutcome is how the package manager's transactions ended.
type PackageManagerOutcome string

// The outcomes.
const (
	PackagesOK         PackageManagerOutcome = "ok"
	PackagesPartial    PackageManagerOutcome = "partial" // some failed
	PackagesFailed     PackageManagerOutcome = "failed"
	PackagesDependency PackageManagerOutcome = "dependency" // the dependency check refused some
)

// RebootInput is what decides about a reboot and the exit code (§11).
type RebootInput struct {
	Operation       Operation             `json:"operation"`
	RebootOption    RebootOption          `json:"rebootOption,omitempty"`
	PackagesChanged int                   `json:"packagesChanged"`
	PendingBefore   int                   `json:"pendingRebootBefore"` // records newer than the last boot
	PackageManager  PackageManagerOutcome `json:"packageManager"`
	UploadFailed    bool                  `json:"uploadFailed,omitempty"`
}

// RebootDecision is what the agent is told.
type RebootDecision struct {
	Reboot   bool `json:"reboot"`
	ExitCode int  `json:"exitCode"`
	// ExitCodeAfterReboot is the final code of the run after its reboot; only
	// meaningful if Reboot.
	ExitCodeAfterReboot int `json:"exitCodeAfterReboot,omitempty"`
}

// Exit codes of the Linux document (§11).
const (
	ExitOK         = 0
	ExitFailure    = 1
	ExitDependency = 2
	// ExitReboot asks the agent to reboot and run again, the two after it say that
	// something failed as well.
	ExitReboot           = 194
	ExitRebootFailure    = 195
	ExitRebootDependency = 196
)

// DecideReboot is §11: a Scan never reboots, NoReboot neither; RebootIfNeeded
// reboots if and only if the run changed a package or an earlier one is pending.
// Whether a reboot is needed is never examined.
func DecideReboot(in RebootInput) (RebootDecision, error) {
	final := ExitOK
	switch in.PackageManager {
	case PackagesOK, "":
	case PackagesPartial, PackagesFailed:
		final = ExitFailure
	case PackagesDependency:
		final = ExitDependency
	default:
		return RebootDecision{}, fmt.Errorf("deciding about a reboot: unknown package manager outcome %q", in.PackageManager)
	}
	if in.UploadFailed && final == ExitOK {
		final = ExitFailure
	}
	switch in.RebootOption {
	case RebootIfNeeded, NoReboot, "":
	default:
		return RebootDecision{}, fmt.Errorf("deciding about a reboot: unknown reboot option %q", in.RebootOption)
	}
	if in.Operation == OperationInstall && in.RebootOption != NoReboot && (in.PackagesChanged > 0 || in.PendingBefore > 0) {
		return RebootDecision{Reboot: true, ExitCode: ExitReboot + final, ExitCodeAfterReboot: final}, nil
	}
	return RebootDecision{ExitCode: final}, nil
}
