package rpm

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/inventory/rpmdb"
)

// variables are what repository files may refer to as $name.
type variables map[string]string

// varDirs hold one file for a variable, the later folder counting more.
var varDirs = []string{"etc/yum/vars", "etc/dnf/vars"}

// readVariables works out the variables of root as its package manager would: the
// built-in ones, then those that files set.
func readVariables(root fs.FS, what product.Product, arch string, db rpmdb.Database) (variables, error) {
	v := variables{"arch": arch, "basearch": baseArch(arch)}
	v.setRelease(releaseVersion(what, db))
	for _, dir := range varDirs {
		files, err := fs.ReadDir(root, dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read repository variables: %w", err)
		}
		for _, f := range files {
			if f.IsDir() {
				continue
			}
			text, err := readConfig(root, dir+"/"+f.Name())
			if err != nil {
				return nil, fmt.Errorf("read repository variables: %w", err)
			}
			line, _, _ := strings.Cut(string(text), "\n")
			if line = strings.TrimSpace(line); f.Name() == "releasever" {
				v.setRelease(line)
			} else {
				v[f.Name()] = line
			}
		}
	}
	return v, nil
}

func (v variables) setRelease(release string) {
	v["releasever"] = release
	v["releasever_major"], v["releasever_minor"], _ = strings.Cut(release, ".")
}

// baseArch is what $basearch stands for.
func baseArch(arch string) string {
	switch arch {
	case "i486", "i586", "i686", "athlon", "geode":
		return "i386"
	case "amd64", "ia32e":
		return "x86_64"
	case "armv7hl", "armv7hnl", "armv8hl":
		return "armhfp"
	}
	return arch
}

// releaseProvides are the capabilities by which package managers know their release,
// the first that some package provides deciding.
var releaseProvides = []string{
	"system-release(releasever)", "system-release", "distribution-release(releasever)", "distribution-release",
	"redhat-release", "suse-release", "centos-release", "amazon-linux-release",
}

// releaseVersion is $releasever: the version of the package that provides the
// release, or the version that the provision itself states. Without such a package it
// is what os-release says, without the minor release where repositories are kept by
// major ones.
func releaseVersion(what product.Product, db rpmdb.Database) string {
	byName := map[string]string{}
	for _, p := range db.Packages {
		if !strings.Contains(p.Name, "release") {
			continue
		}
		for _, c := range p.Provides() {
			if _, ok := byName[c.Name]; ok {
				continue
			}
			byName[c.Name] = p.Version
			if c.Relation == "=" && c.Name != p.Name && strings.HasSuffix(c.Name, "(releasever)") {
				byName[c.Name] = c.Version
			}
		}
	}
	for _, name := range releaseProvides {
		if v := byName[name]; v != "" {
			return v
		}
	}
	switch what.OS {
	case baseline.AmazonLinux, baseline.AmazonLinux2, baseline.AmazonLinux2022, baseline.AmazonLinux2023:
		return what.Release.VersionID
	}
	major, _, _ := strings.Cut(what.Release.VersionID, ".")
	return major
}

// expand replaces $name and ${name} in text. What is not known stays as it is.
func (v variables) expand(text string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i+1 == len(text) {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		text = text[i:]
		name, whole := text[1:], 0
		if name[0] == '{' {
			if end := strings.IndexByte(name, '}'); end > 0 {
				name, whole = name[1:end], end+2
			}
		} else {
			n := 0
			for n < len(name) && (name[n] == '_' || name[n] >= '0' && name[n] <= '9' || name[n] >= 'a' && name[n] <= 'z' || name[n] >= 'A' && name[n] <= 'Z') {
				n++
			}
			name, whole = name[:n], n+1
		}
		value, ok := v[name]
		if !ok {
			value, ok = v[strings.ToLower(name)]
		}
		if !ok || whole == 0 {
			value, whole = text[:max(whole, 1)], max(whole, 1)
		}
		b.WriteString(value)
		text = text[whole:]
	}
}

// unknown is the first variable that expand left in text, empty if none.
func unknown(text string) string {
	i := strings.IndexByte(text, '$')
	if i < 0 {
		return ""
	}
	end := strings.IndexAny(text[i+1:], "/.-&?")
	if end < 0 {
		return text[i:]
	}
	return text[i : i+1+end]
}
