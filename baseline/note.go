package baseline

import (
	"fmt"
	"strings"
)

// remarks are facts about Missing packages that a reader of the result should
// know and that no state shows.
type remarks struct {
	undated []string // approved because nobody knows how old they are (AMB-03)
	phased  []string // rolled out in phases, which Patch Manager ignores (§16.6)
}

func (p *pass) remark(r *remarks, it *Item, best *approval) {
	if p.compiled.world == worldRPM && !best.dated && best.rule != byList {
		r.undated = append(r.undated, it.ID+"="+it.Version)
	}
	if n := best.pkg.Phased; n > 0 && n < 100 && !best.meta {
		r.phased = append(r.phased, fmt.Sprintf("%s=%s (%d %%)", it.ID, it.Version, n))
	}
}

func (r *remarks) notes() []string {
	var out []string
	if len(r.undated) > 0 {
		out = append(out, "approved without a readable date, as if published in 1970: "+few(r.undated))
	}
	if len(r.phased) > 0 {
		out = append(out, "phased updates that are taken regardless of their phase: "+few(r.phased))
	}
	return out
}

// few lists up to five and counts the rest.
func few(list []string) string {
	const most = 5
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// notes are the remarks about the evaluation as a whole.
func (p *pass) notes() []string {
	var out []string
	if p.family == apt && p.compiled.opts.AptApprovalDelay {
		out = append(out, ExtensionAptDelay+": ApproveAfterDays and ApproveUntilDate are honoured on "+
			string(p.compiled.os)+" by changelog and first-seen dates; Patch Manager ignores them there")
	}
	if newer := p.newerKernel(); newer != "" {
		out = append(out, fmt.Sprintf("the running kernel %s is older than the installed %s", p.inventory.Kernel, newer))
	}
	return out
}

// newerKernel is the highest installed kernel of an rpm system if an older one is
// running (§16.3); it is information, no state. A kernel's release, as uname tells
// it, is version-release.arch.
func (p *pass) newerKernel() string {
	running := p.inventory.Kernel
	if running == "" || p.compiled.world != worldRPM {
		return ""
	}
	highest := ""
	for i := range p.inventory.Installed {
		k := &p.inventory.Installed[i]
		if k.Name != "kernel" && k.Name != "kernel-core" {
			continue
		}
		if full := k.Version + "-" + k.Release; highest == "" || compareRPM(highest, full) < 0 {
			highest = full
		}
		running = strings.TrimSuffix(running, "."+k.Arch)
	}
	if highest == "" || compareRPM(running, highest) >= 0 {
		return ""
	}
	return highest
}
