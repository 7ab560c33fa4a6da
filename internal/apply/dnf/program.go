package dnf

// Program is a package manager by what tells it from its kin.
type Program struct {
	Name string // the command
	// Common are options of every call: English without colours, and an error instead
	// of endless waiting where another process holds the lock.
	Common []string
	// Strict are options of every call that resolves: nothing is skipped silently.
	Strict []string
	// NoWeak keeps weak dependencies out; empty where there are none.
	NoWeak []string
	// Refresh are the commands that bring the metadata of every enabled repository.
	Refresh [][]string
	// Fetch are the commands that download given packages without installing them,
	// best first; the folder is appended to the last argument.
	Fetch [][]string
	// Hotfixes says that a repository can be exempt from the filter of module streams.
	Hotfixes bool
	// Config is the main configuration file, under the root.
	Config string
	// Restarting is the command that says whether a reboot is needed.
	Restarting []string
}

// DNF is dnf 4: Amazon Linux 2022 and 2023, RHEL 8 and later and its rebuilds.
var DNF = Program{
	Name:    "dnf",
	Common:  []string{"--color=never", "--setopt=exit_on_lock=1"},
	Strict:  []string{"--setopt=best=1", "--setopt=strict=1"},
	NoWeak:  []string{"--setopt=install_weak_deps=0"},
	Refresh: [][]string{{"dnf", "makecache", "--refresh", "--setopt=skip_if_unavailable=0", "--setopt=*.skip_if_unavailable=0"}},
	Fetch: [][]string{
		{"dnf", "download", "--destdir="}, // a plugin that most images have
		{"dnf", "-y", "install", "--downloadonly", "--destdir="},
	},
	Hotfixes:   true,
	Config:     "etc/dnf/dnf.conf",
	Restarting: []string{"dnf", "needs-restarting", "-r"},
}

// Yum is yum 3: Amazon Linux 2, RHEL and CentOS 7. It was not at hand; its options
// and its table are taken from its manual and source.
var Yum = Program{
	Name:   "yum",
	Common: []string{"--color=never", "--setopt=exit_on_lock=1"},
	Strict: []string{"--setopt=skip_missing_names_on_install=0", "--setopt=skip_broken=0"},
	Refresh: [][]string{
		{"yum", "clean", "expire-cache"},
		{"yum", "makecache", "--setopt=skip_if_unavailable=0", "--setopt=*.skip_if_unavailable=0"},
	},
	Fetch: [][]string{
		{"yumdownloader", "--destdir="}, // of yum-utils
		{"yum", "-y", "install", "--downloadonly", "--downloaddir="},
	},
	Config:     "etc/yum.conf",
	Restarting: []string{"needs-restarting", "-r"}, // of yum-utils
}
