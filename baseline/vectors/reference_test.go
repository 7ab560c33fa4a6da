package vectors

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The reference evaluator: the specification's pseudo-code over plain JSON maps,
// written for clarity and sharing nothing with the engine. It covers Scans
// without a state file.

type obj = map[string]any

func str(o obj, key string) string { s, _ := o[key].(string); return s }

func list(o obj, key string) []any { l, _ := o[key].([]any); return l }

func has(o obj, key string) bool { _, ok := o[key]; return ok }

var levels = []string{"UNSPECIFIED", "INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"}

type refItem struct{ State, Version, Level, Class string }

type reference struct {
	vector, base obj
	os, family   string
	now          time.Time
}

func refFamily(os, product string) string {
	digits := regexp.MustCompile(`\d+`).FindString(product)
	major, _ := strconv.Atoi(digits)
	switch os {
	case "UBUNTU", "DEBIAN", "RASPBIAN":
		return "apt"
	case "SUSE":
		return "zypp"
	case "MACOS":
		return "macos"
	case "WINDOWS":
		return "windows"
	case "AMAZON_LINUX", "AMAZON_LINUX_2":
		return "yum"
	case "REDHAT_ENTERPRISE_LINUX", "CENTOS", "ORACLE_LINUX":
		if digits != "" && major <= 7 {
			return "yum"
		}
	}
	return "dnf"
}

func (r *reference) compare(a, b obj) int {
	switch r.family {
	case "apt":
		return refDebcmp(str(a, "version"), str(b, "version"))
	case "macos":
		return refVercmp(str(a, "version"), str(b, "version"))
	}
	for _, f := range []func(obj) string{refEpoch, func(p obj) string { return str(p, "version") }, func(p obj) string { return str(p, "release") }} {
		if c := refVercmp(f(a), f(b)); c != 0 {
			return c
		}
	}
	return 0
}

func (r *reference) full(p obj) string {
	if r.family == "apt" || r.family == "macos" {
		return str(p, "version")
	}
	return refEpoch(p) + ":" + str(p, "version") + "-" + str(p, "release")
}

func (r *reference) key(p obj) string {
	if r.family == "macos" {
		return str(p, "name")
	}
	return str(p, "name") + "." + str(p, "arch")
}

// forms are the renderings of §6.
func (r *reference) forms(p obj) []string {
	n, a, v, e, rel := str(p, "name"), str(p, "arch"), str(p, "version"), refEpoch(p), str(p, "release")
	switch r.family {
	case "apt":
		return []string{n, v, n + "." + a, n + "-" + v, a + ":" + v, n + "." + a + ":" + v}
	case "macos":
		return []string{n, n + "." + v}
	}
	vr, evr := v+"-"+rel, e+":"+v+"-"+rel
	out := []string{n, n + "." + a, n + "-" + v, n + "-" + vr, n + "-" + vr + "." + a, v, vr, evr,
		n + "-" + evr, n + "-" + evr + "." + a, e + ":" + n + "-" + vr + "." + a, n + "." + a + ":" + evr}
	if r.family == "zypp" {
		out = append(out, n+"-"+vr+"."+a+".rpm")
		for _, notice := range list(p, "notices") {
			out = append(out, str(notice.(obj), "id"))
		}
	}
	return out
}

func (r *reference) pattern(entry string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(entry)
	if r.family != "macos" {
		quoted = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(quoted)
	}
	return regexp.MustCompile("(?is)^" + quoted + "$")
}

func (r *reference) listed(field string, p obj) bool {
	for _, e := range list(r.base, field) {
		if slices.ContainsFunc(r.forms(p), r.pattern(e.(string)).MatchString) {
			return true
		}
	}
	return false
}

func (r *reference) named(n obj) bool {
	if n == nil || r.family == "apt" || r.family == "macos" {
		return false
	}
	ids := append(append([]any{n["id"]}, list(n, "cves")...), list(n, "bugzillas")...)
	for _, e := range list(r.base, "ApprovedPatches") {
		if slices.ContainsFunc(ids, func(id any) bool { return strings.EqualFold(id.(string), e.(string)) }) {
			return true
		}
	}
	return false
}

func (r *reference) meta(p, n obj) bool {
	switch r.family {
	case "yum":
		return n != nil
	case "dnf":
		return n != nil && str(n, "type") != "" && has(n, "severity")
	case "apt":
		return slices.ContainsFunc(list(p, "origins"), func(o any) bool {
			return o.(obj)["trusted"] == true && (strings.Contains(strings.ToLower(str(o.(obj), "archive")), "security") ||
				strings.Contains(str(o.(obj), "site"), "security.debian.org"))
		})
	}
	return true
}

// value is an attribute of a candidate; ok is false if it is absent.
func (r *reference) value(key string, p, n obj) (string, bool) {
	switch key {
	case "PRODUCT":
		return str(r.vector, "product"), true
	case "PRIORITY", "SECTION":
		return str(p, strings.ToLower(key)), str(p, strings.ToLower(key)) != ""
	}
	switch {
	case r.family == "macos":
		return str(p, "manager"), true
	case n == nil:
		return "", false
	case key == "CLASSIFICATION":
		return str(n, "type"), str(n, "type") != ""
	case !has(n, "severity") && r.family == "yum":
		return "None", true
	}
	return str(n, "severity"), has(n, "severity")
}

func (r *reference) passes(filters []any, get func(key string) (string, bool)) bool {
	for _, f := range filters {
		value, present := get(str(f.(obj), "Key"))
		fits := slices.ContainsFunc(list(f.(obj), "Values"), func(v any) bool {
			a, b := strings.ToLower(v.(string)), strings.ToLower(value)
			if strings.HasPrefix(r.os, "AMAZON_LINUX_202") && str(f.(obj), "Key") == "SEVERITY" {
				a, b = strings.Replace(a, "moderate", "medium", 1), strings.Replace(b, "moderate", "medium", 1)
			}
			return v == "*" || (present && a == b && b != "")
		})
		if !fits {
			return false
		}
	}
	return true
}

func (r *reference) rules() []any {
	g, _ := r.base["ApprovalRules"].(obj)
	return list(g, "PatchRules")
}

func (r *reference) global() []any {
	g, _ := r.base["GlobalFilters"].(obj)
	return list(g, "PatchFilters")
}

func (r *reference) due(rule obj, t time.Time) bool {
	if s := str(rule, "ApproveUntilDate"); s != "" {
		day, _ := time.Parse("2006-01-02", s)
		return t.Before(day.AddDate(0, 0, 1))
	}
	days, _ := rule["ApproveAfterDays"].(float64)
	return t.Before(r.now.Add(-time.Duration(days) * 24 * time.Hour))
}

// approve returns the highest level, -1 for none (§3).
func (r *reference) approve(p, n obj) int {
	level := func(o obj, key string) int { return max(0, slices.Index(levels, str(o, key))) }
	if r.listed("RejectedPatches", p) {
		return -1
	}
	best := -1
	if (r.listed("ApprovedPatches", p) || r.named(n)) && (r.meta(p, n) || r.base["ApprovedPatchesEnableNonSecurity"] == true) {
		best = level(r.base, "ApprovedPatchesComplianceLevel")
	}
	get := func(key string) (string, bool) { return r.value(key, p, n) }
	date := refDate(str(p, "buildTime"))
	if n != nil {
		date = refDate(str(n, "issued"))
		if str(n, "updated") != "" {
			date = refDate(str(n, "updated"))
		}
	}
	for _, one := range r.rules() {
		rule := one.(obj)
		group, _ := rule["PatchFilterGroup"].(obj)
		timeless := r.family == "apt" || r.family == "macos"
		if (r.meta(p, n) || rule["EnableNonSecurity"] == true) && r.passes(r.global(), get) &&
			r.passes(list(group, "PatchFilters"), get) && (timeless || r.due(rule, date)) {
			best = max(best, level(rule, "ComplianceLevel"))
		}
	}
	return best
}

func (r *reference) offered(p obj) bool {
	m, ok := p["module"].(obj)
	if !ok {
		return true
	}
	enabled, _ := r.vector["enabledModules"].(obj)
	return slices.Contains(list(enabled, str(m, "name")), m["stream"])
}

// scan returns the items, the NotApplicable count and the install list.
func (r *reference) scan() (map[string]refItem, int, []string) {
	if r.family == "windows" {
		return r.scanWindows()
	}
	installed, items, notApplicable := map[string]obj{}, map[string]refItem{}, map[string]bool{}
	for _, one := range list(r.vector, "installed") {
		p := one.(obj)
		if old, ok := installed[r.key(p)]; !ok || r.compare(old, p) < 0 {
			installed[r.key(p)] = p
		}
	}
	type choice struct {
		p, n  obj
		level int
	}
	best := map[string]choice{}
	for _, one := range list(r.vector, "available") {
		p := one.(obj)
		notices := list(p, "notices")
		if len(notices) == 0 {
			notices = []any{obj(nil)}
		}
		for _, one := range notices {
			n, _ := one.(obj)
			level := r.approve(p, n)
			if level < 0 || !r.offered(p) {
				continue
			}
			inst, ok := installed[r.key(p)]
			if !ok {
				notApplicable[r.key(p)] = true
				continue
			}
			if r.family != "yum" && r.compare(p, inst) < 0 || (str(p, "manager") == "installer" && r.compare(p, inst) > 0) {
				continue
			}
			b, ok := best[r.key(p)]
			if ok {
				if c := r.compare(p, b.p); c < 0 || (c == 0 && level <= b.level) {
					continue
				}
			}
			best[r.key(p)] = choice{p, n, level}
		}
	}
	var install []string
	for key, inst := range installed {
		b, ok := best[key]
		switch {
		case !ok && r.base["RejectedPatchesAction"] == "BLOCK" && r.listed("RejectedPatches", inst):
			items[key] = refItem{"InstalledRejected", r.full(inst), "UNSPECIFIED", ""}
		case !ok:
			items[key] = refItem{"InstalledOther", r.full(inst), "UNSPECIFIED", ""}
		case r.compare(b.p, inst) > 0:
			items[key] = refItem{"Missing", r.full(b.p), levels[b.level], str(b.n, "type")}
			if !r.blocked(b.p) {
				install = append(install, key+"="+r.full(b.p))
			}
		default:
			items[key] = refItem{"Installed", r.full(inst), levels[b.level], ""}
		}
	}
	slices.Sort(install)
	return items, len(notApplicable), install
}

func (r *reference) blocked(p obj) bool {
	return r.base["RejectedPatchesAction"] == "BLOCK" && slices.ContainsFunc(list(p, "requires"), func(q any) bool {
		return r.listed("RejectedPatches", q.(obj))
	})
}

func (r *reference) scanWindows() (map[string]refItem, int, []string) {
	items, na := map[string]refItem{}, 0
	superseded := map[string]bool{}
	for _, one := range list(r.vector, "updates") {
		for _, old := range list(one.(obj), "supersedes") {
			superseded[old.(string)] = superseded[old.(string)] || one.(obj)["installed"] == true
		}
	}
	var install []string
	for _, one := range list(r.vector, "updates") {
		u := one.(obj)
		kb := str(u, "kb")
		replaced, gone := superseded[kb]
		if gone && !replaced {
			continue
		}
		in := func(field string) bool { return slices.Contains(list(r.base, field), any(kb)) }
		get := func(key string) (string, bool) {
			value := str(u, map[string]string{"PRODUCT": "product", "PRODUCT_FAMILY": "productFamily", "PATCH_SET": "patchSet",
				"CLASSIFICATION": "classification", "MSRC_SEVERITY": "msrcSeverity"}[key])
			if key == "PATCH_SET" && value == "" {
				value = "OS"
			}
			return value, value != ""
		}
		level := -1
		if in("ApprovedPatches") {
			level = max(0, slices.Index(levels, str(r.base, "ApprovedPatchesComplianceLevel")))
		}
		for _, rule := range r.rules() {
			group, _ := rule.(obj)["PatchFilterGroup"].(obj)
			filters := list(group, "PatchFilters")
			if !slices.ContainsFunc(filters, func(f any) bool { return str(f.(obj), "Key") == "PATCH_SET" }) {
				filters = append(slices.Clone(filters), obj{"Key": "PATCH_SET", "Values": []any{"OS"}})
			}
			if r.passes(r.global(), get) && r.passes(filters, get) && r.due(rule.(obj), refDate(str(u, "releaseDate"))) {
				level = max(level, max(0, slices.Index(levels, str(rule.(obj), "ComplianceLevel"))))
			}
		}
		if in("RejectedPatches") {
			level = -1
		}
		state := ""
		switch {
		case gone && level >= 0, level >= 0 && u["applicable"] == false && u["installed"] != true:
			state = "NotApplicable"
			na++
		case gone:
		case u["installed"] == true && level >= 0:
			state = "Installed"
		case u["installed"] == true && in("RejectedPatches") && r.base["RejectedPatchesAction"] == "BLOCK":
			state = "InstalledRejected"
		case u["installed"] == true:
			state = "InstalledOther"
		case level >= 0:
			state = "Missing"
			install = append(install, kb)
		case !in("RejectedPatches") && u["applicable"] != false && str(u, "classification") == "SecurityUpdates":
			state = "AvailableSecurityUpdate"
		}
		if state != "" {
			items[kb] = refItem{State: state, Level: levels[max(0, level)]}
		}
	}
	slices.Sort(install)
	return items, na, install
}

func newReference(raw []byte) (*reference, error) {
	var v obj
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	r := &reference{vector: v, os: str(v, "os")}
	r.base, _ = v["baseline"].(obj)
	r.family = refFamily(r.os, str(v, "product"))
	var err error
	r.now, err = time.Parse(time.RFC3339, str(v, "now"))
	return r, err
}
