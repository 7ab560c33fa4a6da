package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/baseline/predefined"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/policy"
)

// found is a baseline by the name under which it was asked for.
type found struct {
	policy.Policy
	From string // predefined, or the file
}

// options of an evaluation that the baseline's own block asks for.
func (f found) options() baseline.Options {
	return baseline.Options{AptApprovalDelay: f.AptApprovalDelay}
}

// shelf is where baselines are found by name: AWS's own, those of the
// configuration, and files.
type shelf struct {
	config string // empty: there is none
	in     io.Reader
	cfg    *config.Config
}

func newShelf(c *cli.Context) *shelf {
	s := &shelf{in: c.App.Reader}
	name := c.String("config")
	if _, err := os.Stat(name); err == nil || c.IsSet("config") {
		s.config = name
	}
	return s
}

// configured are the baselines of the configuration; none if there is none.
func (s *shelf) configured() ([]found, error) {
	if s.config == "" {
		return nil, nil
	}
	if s.cfg == nil {
		cfg, err := config.Load(s.config)
		if err != nil {
			return nil, err
		}
		s.cfg = cfg
	}
	var out []found
	for _, label := range slices.Sorted(maps.Keys(s.cfg.Baselines)) {
		b := s.cfg.Baselines[label]
		out = append(out, found{policy.Policy{Label: label, Baseline: b.Baseline, AptApprovalDelay: b.Options.AptApprovalDelay}, s.cfg.File})
	}
	return out, nil
}

// find gives the baselines that a reference means: a predefined name, a label of
// the configuration, a file in any format, FILE#LABEL for one of a file, or - for
// standard input. dir is where relative file names begin; empty: here.
func (s *shelf) find(ref, dir string) ([]found, error) {
	if ref == "-" {
		data, err := io.ReadAll(s.in)
		if err != nil {
			return nil, fault.As(fmt.Errorf("read standard input: %w", err), fault.Usage, "")
		}
		return read("standard input", data)
	}
	if b, err := predefined.ByName(ref); err == nil {
		return []found{{policy.Policy{Label: ref, Baseline: b}, "predefined"}}, nil
	}
	own, cfgErr := s.configured()
	at := slices.IndexFunc(own, func(f found) bool { return f.Label == ref })
	path, label := s.file(ref, dir)
	data, err := os.ReadFile(path)
	switch {
	case err == nil && at >= 0:
		return nil, fault.New(fault.Usage, "write ./"+ref+" for the file, or rename one of them", "baseline %s is ambiguous: a block of %s and a file", ref, s.config)
	case at >= 0:
		return own[at : at+1], nil
	case err == nil:
		all, err := read(path, data)
		if err != nil || label == "" {
			return all, err
		}
		return pick(all, path, label)
	case cfgErr != nil:
		return nil, cfgErr
	case !errors.Is(err, os.ErrNotExist):
		return nil, fault.As(fmt.Errorf("read baseline: %w", err), fault.Usage, "")
	}
	return nil, fault.New(fault.Usage, "`rehydrate baseline list` names what there is", "there is no baseline %s: no predefined one, no block of a configuration, no file", ref)
}

// file splits FILE#LABEL, unless a file has just that name.
func (s *shelf) file(ref, dir string) (path, label string) {
	at := func(p string) string {
		if filepath.IsAbs(p) || dir == "" {
			return p
		}
		return filepath.Join(dir, p)
	}
	if _, err := os.Stat(at(ref)); err == nil {
		return at(ref), ""
	}
	if i := strings.LastIndexByte(ref, '#'); i > 0 {
		return at(ref[:i]), ref[i+1:]
	}
	return at(ref), ""
}

func read(name string, data []byte) ([]found, error) {
	list, err := policy.Read(name, data)
	if err != nil {
		return nil, err
	}
	out := make([]found, len(list))
	for i, p := range list {
		out[i] = found{p, name}
	}
	return out, nil
}

func pick(all []found, path, label string) ([]found, error) {
	for _, f := range all {
		if f.Label == label || f.Baseline.Name == label {
			return []found{f}, nil
		}
	}
	return nil, fault.New(fault.Usage, "it has: "+strings.Join(labels(all), ", "), "there is no baseline %s in %s", label, path)
}

func labels(all []found) []string {
	var out []string
	for _, f := range all {
		out = append(out, f.Label)
	}
	return out
}

// one is find where exactly one baseline is wanted.
func (s *shelf) one(ref, dir string) (found, error) {
	all, err := s.find(ref, dir)
	if err != nil {
		return found{}, err
	}
	if len(all) != 1 {
		return found{}, fault.New(fault.Usage, "name one of them: "+ref+"#"+all[0].Label, "%s holds %d baselines: %s", ref, len(all), strings.Join(labels(all), ", "))
	}
	return all[0], nil
}

func rules(b *baseline.Baseline) []baseline.PatchRule {
	if b.ApprovalRules == nil {
		return nil
	}
	return b.ApprovalRules.PatchRules
}

func orWindows(os string) string {
	if os == "" {
		return string(baseline.Windows)
	}
	return os
}
