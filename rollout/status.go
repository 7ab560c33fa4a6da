package rollout

import "slices"

// The states of an instance refresh.
const (
	pending            = "Pending"
	inProgress         = "InProgress"
	successful         = "Successful"
	failed             = "Failed"
	cancelling         = "Cancelling"
	cancelled          = "Cancelled"
	rollbackInProgress = "RollbackInProgress"
	rollbackFailed     = "RollbackFailed"
	rollbackSuccessful = "RollbackSuccessful"
	baking             = "Baking"
)

var (
	ended  = []string{successful, failed, cancelled, rollbackFailed, rollbackSuccessful}
	moving = []string{pending, inProgress, cancelling, rollbackInProgress, baking}
)

// terminal says that a refresh has ended. A status that we do not know has not.
func terminal(status string) bool { return slices.Contains(ended, status) }

func known(status string) bool { return terminal(status) || slices.Contains(moving, status) }

// The outcomes of a group, in record.Roll.
const (
	Done        = "done"
	NothingToDo = "nothing-to-do"
	Partial     = "partial"     // the refresh succeeded, not every instance runs the image
	RolledBack  = "rolled-back" // every instance runs the image before
	Halted      = "halted"      // the group may be mixed: a person is needed
	Failed      = "failed"      // given up before an instance was touched
	Gone        = "gone"        // the group was deleted in the middle; nothing is left to go back
	Changed     = "changed"     // it was to go back, and somebody else has changed it since: left alone
)
