package baseline

import "strings"

// securityOrigin says whether a deb version comes from a security pocket: a
// trusted origin whose archive contains "security" or whose site contains
// security.debian.org (§2), or whose label is Debian-Security (§16.6).
func securityOrigin(origins []Origin, s Switches) bool {
	for i := range origins {
		if o := &origins[i]; o.Trusted && o.security(s) {
			return true
		}
	}
	return false
}

func (o *Origin) security(s Switches) bool {
	if containsFold(o.Site, "security.debian.org") || strings.EqualFold(o.Label, "Debian-Security") {
		return true
	}
	if !containsFold(o.Suite, "security") {
		return false
	}
	suite := foldString(o.Suite)
	esm := strings.HasSuffix(suite, "-apps-security") || strings.HasSuffix(suite, "-infra-security")
	return !esm || s.ESM != ESMExcluded // AMB-18
}

func containsFold(s, lower string) bool {
	for i := 0; i+len(lower) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(lower)], lower) {
			return true
		}
	}
	return false
}

// aptDate is when a deb version counts as published under the delay extension:
// the later of the changelog's date and our first sight of it.
func aptDate(p *AvailablePackage) (seconds int64, known bool) {
	t := p.FirstSeen
	if p.Changelog != nil && p.Changelog.Date.After(t) {
		t = p.Changelog.Date
	}
	if t.IsZero() {
		return 0, false
	}
	return t.Unix(), true
}
