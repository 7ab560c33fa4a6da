package debfile

import (
	"bufio"
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/baseline"
)

// An entry of a changelog: "name (version) suites; urgency=medium", indented lines,
// and " -- Maintainer <address>  date" (deb-changelog(5)).
var (
	heading = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\S+ \(([^()\s]+)\)[^;]*;(.*)$`) })
	urgency = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\burgency=([a-z]+)`) })
	cve     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\bCVE-[0-9]{4}-[0-9]{4,}\b`) })
)

// ParseChangelog reads the entries newer than installed, and always the first: its
// date and urgency, and the CVE ids of them all, sorted. older reports whether a
// version is not newer than what is installed.
func ParseChangelog(text []byte, older func(version string) bool) (*baseline.Changelog, error) {
	var log baseline.Changelog
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(make([]byte, 0, 64<<10), 1<<20)
	entries := 0
	for lines.Scan() {
		line := lines.Text()
		if m := heading().FindStringSubmatch(line); m != nil {
			entries++
			if entries > 1 && older(m[1]) {
				break
			}
			if u := urgency().FindStringSubmatch(m[2]); u != nil && entries == 1 {
				log.Urgency = strings.ToLower(u[1])
			}
			continue
		}
		if entries == 0 {
			if strings.TrimSpace(line) != "" {
				return nil, fmt.Errorf("read changelog: it does not begin with an entry: %.60q", line)
			}
			continue
		}
		for _, id := range cve().FindAllString(line, -1) {
			log.CVEs = append(log.CVEs, strings.ToUpper(id))
		}
		if trailer, ok := strings.CutPrefix(line, " -- "); ok && entries == 1 {
			_, date, _ := strings.Cut(trailer, ">  ")
			t, err := parseDate(date)
			if err != nil {
				return nil, err
			}
			log.Date = t
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read changelog: %w", err)
	}
	if log.Date.IsZero() {
		return nil, fmt.Errorf("read changelog: its first entry has no date")
	}
	slices.Sort(log.CVEs)
	log.CVEs = slices.Compact(log.CVEs)
	return &log, nil
}

func parseDate(s string) (time.Time, error) {
	s = strings.Join(strings.Fields(s), " ")
	if t, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", s); err == nil {
		return t.UTC(), nil
	}
	return time.Time{}, fmt.Errorf("read changelog: date %.60q is in no known form", s)
}
