// Package roots backs instances by real roots: an overlay over the image's layers,
// with an SSH server of its own, in namespaces of its own.
//
// A running machine is one process, the holder: our own binary started again with
// the hidden argument "twin-machine", in new mount, pid, ipc and uts namespaces.
// It mounts the root, makes it its own by pivot_root, listens on the machine's
// loopback address, and runs every command in a further set of namespaces with a
// short list of capabilities. The network is the host's.
//
// The holder dies with the twin (parent death signal, and the end of its control
// socket); with it, as process 1 of its namespace, every process and every mount of
// the machine. Nothing is ever mounted in the host's namespace.
//
// This fences off a careless or broken maintainer script, not a determined attacker
// with a kernel exploit: real packages run as root of the host's user namespace.
package roots

import (
	"io"

	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// Options are the choices of a Roots.
type Options struct {
	// OnPower is told of reboots, power-offs and losses that nobody asked for by
	// Stop, Reboot or Destroy. It may call methods of the Roots.
	OnPower func(backing.PowerEvent)
	// OnBusy is told when a machine begins to run a command, for an agent or over SSH,
	// and when it runs none any more. A twin holds its clock meanwhile. It must not
	// block.
	OnBusy func(id string, busy bool)
	// Log gets one line for a machine's trouble outside of a call; nil means nowhere.
	Log io.Writer
}

// hiddenArg is the first argument of our own binary when it is to be a machine.
const hiddenArg = "twin-machine"
