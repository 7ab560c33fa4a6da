package estimate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Prices are what instances cost by the hour, as the user states them: no price is
// ever assumed.
type Prices struct {
	Currency string `json:"currency"`
	// PerHour is by Region, or "*" for all others, and by instance type.
	PerHour map[string]map[string]float64 `json:"perHour"`
}

// maxPrices bounds a table of prices; all types in all Regions need less.
const maxPrices = 16 << 20

// ParsePrices reads a table of prices.
func ParsePrices(data []byte) (*Prices, error) {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Usage, `write {"currency": "USD", "perHour": {"eu-west-1": {"t3.small": 0.02}}}; "*" stands for all other Regions`,
			"read the table of prices: "+format, args...)
	}
	if len(data) > maxPrices {
		return nil, bad("it has %d bytes, more than %d", len(data), maxPrices)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var p Prices
	if err := d.Decode(&p); err != nil {
		return nil, bad("%w", err)
	}
	if d.More() {
		return nil, bad("something follows the table")
	}
	if p.Currency == "" {
		return nil, bad("it names no currency")
	}
	for region, types := range p.PerHour {
		for name, price := range types {
			if price < 0 || math.IsInf(price, 0) {
				return nil, bad("%s in %s costs %v", name, region, price)
			}
		}
	}
	return &p, nil
}

// Hourly is the price of the dearest of the types in a Region; ok is false when one
// of them has none, or there are none.
func (p *Prices) Hourly(region string, types []string) (price float64, ok bool) {
	if p == nil || len(types) == 0 {
		return 0, false
	}
	for _, t := range types {
		x, have := p.PerHour[region][t]
		if !have {
			x, have = p.PerHour["*"][t]
		}
		if !have {
			return 0, false
		}
		price = max(price, x)
	}
	return price, true
}

// Cost is an amount of money, as bounds and a guess.
type Cost struct {
	Currency string  `json:"currency"`
	Low      float64 `json:"low"`
	Likely   float64 `json:"likely"`
	High     float64 `json:"high"`
}

// Cost is what hours cost at a price.
func (p *Prices) Cost(h Hours, hourly float64) *Cost {
	cents := func(x float64) float64 { return math.Round(x*hourly*10000) / 10000 }
	return &Cost{p.Currency, cents(h.Low), cents(h.Likely), cents(h.High)}
}

// String is a price with its currency.
func (c *Cost) String() string {
	if c.Likely > 0 && c.Likely < 0.005 {
		return "less than 0.01 " + c.Currency
	}
	return fmt.Sprintf("%.2f %s", c.Likely, c.Currency)
}
