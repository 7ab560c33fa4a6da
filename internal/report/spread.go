package report

import (
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/internal/record"
)

// mdSpread says where the image stands, who was let use its keys, and what every
// account saw of it.
func mdSpread(b *strings.Builder, s *record.Spread) {
	if s == nil {
		return
	}
	fmt.Fprintf(b, "\n## Accounts and Regions (%s)\n\n| owner | region | image | key | outcome |\n|---|---|---|---|---|\n", s.Mode)
	for _, x := range s.Images {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", x.Account, x.Region, dash(x.Image), dash(x.Key), cell(strings.TrimSpace(x.Outcome+" "+x.Text)))
	}
	if len(s.Seen) > 0 {
		b.WriteString("\n| account | region | image | seen from there |\n|---|---|---|---|\n")
	}
	for _, x := range s.Seen {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", x.Account, x.Region, dash(x.Image), cell(verified(x)))
	}
	for _, g := range s.Grants {
		fmt.Fprintf(b, "\n- granted `%s` the use of key `%s`", cell(g.Grantee), cell(g.Key))
	}
	for _, w := range s.Warnings {
		fmt.Fprintf(b, "\n> %s\n", cell(w))
	}
	b.WriteString("\n")
}

// verified says in words what an account saw.
func verified(x record.Seen) string {
	text := "**not verified**"
	switch {
	case x.Verified && x.Canary:
		text = "launched"
	case x.Verified:
		text = "verified"
	}
	if x.Text != "" {
		text += ": " + x.Text
	}
	return text
}
