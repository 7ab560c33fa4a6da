package roots

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// ownFile is a file that a machine sees and an image never gets.
type ownFile struct {
	path string
	mode fs.FileMode
	data []byte
	// bound mounts the file over the path, so that writes do not reach the root
	// either. Else it only lies in the twin's layer, and a package may replace it.
	bound    bool
	readOnly bool
}

// powerScript asks process 1 of the command's namespace, which is ours, to end the
// machine. A chroot without init has no other way.
const powerScript = `#!/bin/sh
# The twin's own: this machine has no init.
want=%s
for a in "$@"; do
  case "$a" in
  -r | --reboot) want=HUP ;;
  -h | -P | -H | --halt | --poweroff) want=INT ;;
  esac
done
kill -s "$want" 1 || exit 1
sleep 30
`

// ownFiles are the twin's files of a machine.
func ownFiles(c config) []ownFile {
	resolv, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		resolv = nil // a host without one has no names to look up
	}
	files := []ownFile{
		{path: "/etc/resolv.conf", mode: 0o644, data: resolv, bound: true},
		{path: "/etc/hosts", mode: 0o644, data: hostsFile(c), bound: true},
		{path: "/etc/hostname", mode: 0o644, data: []byte(c.Hostname + "\n"), bound: true},
		// Nothing starts services here (invoke-rc.d's interface, exit 101: forbidden).
		{path: "/usr/sbin/policy-rc.d", mode: 0o755, data: []byte("#!/bin/sh\nexit 101\n"), bound: true, readOnly: true},
	}
	// /usr/local comes first in PATH and sudo's secure_path, and no package has files
	// there.
	for name, signal := range map[string]string{"reboot": "HUP", "poweroff": "INT", "halt": "INT", "shutdown": "INT"} {
		files = append(files, ownFile{path: "/usr/local/sbin/" + name, mode: 0o755, data: fmt.Appendf(nil, powerScript, signal)})
	}
	return files
}

func hostsFile(c config) []byte {
	var b bytes.Buffer
	b.WriteString("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
	own := "127.0.1.1"
	if at := strings.LastIndex(c.Listen, ":"); at > 0 {
		own = c.Listen[:at]
	}
	fmt.Fprintf(&b, "%s %s\n", own, c.Hostname)
	for _, name := range slices.Sorted(maps.Keys(c.Hosts)) {
		fmt.Fprintf(&b, "%s %s\n", c.Hosts[name], name)
	}
	return b.Bytes()
}

// twinLayer fills the uppermost read-only layer: the files, or for bound ones empty
// files to mount over, and the folders that must be there to mount on. Its folders
// look like those of the image that they hide. It returns what to mount.
func twinLayer(layer, store string, image layers, files []ownFile) ([]bind, error) {
	if err := likeImage(layer, "/", image); err != nil {
		return nil, err
	}
	for _, d := range []string{"/proc", "/dev", "/run", "/sys"} {
		if _, _, err := image.lookup(d); errors.Is(err, fs.ErrNotExist) {
			if err := os.Mkdir(filepath.Join(layer, d), 0o755); err != nil {
				return nil, err
			}
		}
	}
	var binds []bind
	for i, f := range files {
		p, err := image.resolve(f.path)
		if err != nil {
			return nil, fmt.Errorf("find %s in the image: %w", f.path, err)
		}
		if err := parents(layer, p, image); err != nil {
			return nil, err
		}
		to, data := filepath.Join(layer, p), f.data
		if f.bound {
			from := filepath.Join(store, fmt.Sprint(i))
			if err := writeFile(from, f.data, f.mode); err != nil {
				return nil, err
			}
			binds = append(binds, bind{from: from, to: p, readOnly: f.readOnly})
			data = nil
		}
		if err := writeFile(to, data, f.mode); err != nil {
			return nil, err
		}
	}
	return binds, nil
}

// parents makes the folders above p in the layer.
func parents(layer, p string, image layers) error {
	dir := path.Dir(p)
	if dir == "/" {
		return nil
	}
	if err := parents(layer, dir, image); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(layer, dir), 0o755); err != nil {
		if os.IsExist(err) {
			return nil
		}
		return err
	}
	return likeImage(layer, dir, image)
}

func likeImage(layer, dir string, image layers) error {
	real, info, err := image.lookup(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	return likeDir(filepath.Join(layer, dir), real)
}

func writeFile(name string, data []byte, mode fs.FileMode) error {
	if err := os.WriteFile(name, data, mode); err != nil {
		return err
	}
	return os.Chmod(name, mode)
}
