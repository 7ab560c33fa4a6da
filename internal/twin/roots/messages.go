package roots

import "io/fs"

// config is what a holder is told at its start.
type config struct {
	Dir      string            `json:"dir"`
	Layers   []string          `json:"layers"`
	Hostname string            `json:"hostname"`
	Listen   string            `json:"listen,omitempty"` // address:port; empty: no SSH
	User     string            `json:"user"`
	Keys     []string          `json:"keys,omitempty"`
	Hosts    map[string]string `json:"hosts,omitempty"`
	Env      []string          `json:"env,omitempty"` // for every command, such as proxies
}

// The modes of a request.
const (
	modeExec = "exec"
	modeSFTP = "sftp"
	modePut  = "put"
	modeGet  = "get"
)

// request asks for one process in a machine.
type request struct {
	Mode   string   `json:"mode"`
	User   string   `json:"user,omitempty"`   // empty: root
	Login  bool     `json:"login,omitempty"`  // by the user's own shell, as sshd does
	Script string   `json:"script,omitempty"` // empty with Login: the shell itself
	Args   []string `json:"args,omitempty"`
	Env    []string `json:"env,omitempty"`
	Dir    string   `json:"dir,omitempty"`
	TTY    bool     `json:"tty,omitempty"` // standard input is a terminal

	Path     string      `json:"path,omitempty"`
	FileMode fs.FileMode `json:"fileMode,omitempty"`
}

// notice is a line that process 1 of a command tells the holder.
type notice struct {
	Ended  bool   `json:"ended,omitempty"` // the command itself has ended
	Exit   int    `json:"exit,omitempty"`
	Signal int    `json:"signal,omitempty"`
	Err    string `json:"err,omitempty"`    // it could not be run
	Absent bool   `json:"absent,omitempty"` // Err is fs.ErrNotExist
	Power  string `json:"power,omitempty"`  // reboot or poweroff was asked for
}

// The values of notice.Power, and the holder's exit codes for them.
const (
	powerReboot = "reboot"
	powerOff    = "poweroff"

	exitReboot   = 70
	exitPowerOff = 71
)
