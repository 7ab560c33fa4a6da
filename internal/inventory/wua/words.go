package wua

import (
	_ "embed"
	"strings"
)

// The table gives Patch Manager's words for the agent's: build numbers and product
// titles from Microsoft's catalogue, classifications by the ids of "WSUS Classification
// GUIDs", because names follow the machine's language. A new release is a new row.
//
//go:embed words.csv
var words string

// word looks up Patch Manager's word; empty if the table has none.
func word(kind, agent string) string {
	for line := range strings.Lines(words) {
		k, rest, _ := strings.Cut(strings.TrimSpace(line), ",")
		have, product, _ := strings.Cut(rest, ",")
		if k == kind && strings.EqualFold(have, agent) {
			return product
		}
	}
	return ""
}

// The types of a category that matter here.
const (
	classificationType = "UpdateClassification"
	productType        = "Product"
	familyType         = "ProductFamily"
)

// classification of an update: by the id of its category, else that category's name
// as Patch Manager would write it; empty if it states none.
func (u *update) classification() string {
	for _, c := range u.Categories {
		if c.Type == classificationType {
			if w := word("classification", c.ID); w != "" {
				return w
			}
			return strings.ReplaceAll(c.Name, " ", "")
		}
	}
	return ""
}

// belonging is a product that an update is for.
type belonging struct{ product, family, set string }

// products are what an update is for; one without a product if it states none. What
// is not of the family Windows is an application.
func (u *update) products() []belonging {
	family := ""
	for _, c := range u.Categories {
		if c.Type == familyType {
			family = c.Name
		}
	}
	var list []belonging
	for _, c := range u.Categories {
		if c.Type != productType {
			continue
		}
		b := belonging{product: c.Name, family: family}
		if w := word("product", c.Name); w != "" {
			b.product = w
		}
		if c.ParentType == familyType {
			b.family = c.ParentName
		}
		list = append(list, b.sorted())
	}
	if list == nil {
		list = append(list, belonging{family: family}.sorted())
	}
	return list
}

// sorted says which patch set it is. Without a family only Windows' own products are
// known to be the system's.
func (b belonging) sorted() belonging {
	b.set = "APPLICATION"
	windows := b.family == "" && (b.product == "" || strings.HasPrefix(b.product, "Windows"))
	if windows || strings.EqualFold(b.family, "Windows") {
		b.set = "OS"
	}
	return b
}
