package baseline

// The compliance levels of a baseline (§1.1), highest first. A level is the
// baseline author's word and has nothing to do with the publisher's severity.
const (
	LevelCritical      = "CRITICAL"
	LevelHigh          = "HIGH"
	LevelMedium        = "MEDIUM"
	LevelLow           = "LOW"
	LevelInformational = "INFORMATIONAL"
	LevelUnspecified   = "UNSPECIFIED"
)

// level orders compliance levels; the zero value is UNSPECIFIED (§3).
type level uint8

var levelNames = [...]string{
	LevelUnspecified, LevelInformational, LevelLow, LevelMedium, LevelHigh, LevelCritical,
}

func (l level) String() string { return levelNames[l] }

// parseLevel takes an absent level for the default, UNSPECIFIED.
func parseLevel(s string) (level, bool) {
	if s == "" {
		return 0, true
	}
	for i, name := range levelNames {
		if name == s {
			return level(i), true
		}
	}
	return 0, false
}
