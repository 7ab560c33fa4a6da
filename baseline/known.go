package baseline

import "slices"

// knownValues lists the values of §1.3 for a filter key; nil where they are free
// or too many to list. A value outside it is legal, new releases bring new ones.
func knownValues(os OperatingSystem, key string) []string {
	switch key {
	case "CLASSIFICATION":
		switch {
		case os == Windows:
			return []string{"CriticalUpdates", "DefinitionUpdates", "Drivers", "FeaturePacks", "SecurityUpdates",
				"ServicePacks", "Tools", "UpdateRollups", "Updates", "Upgrades"}
		case os == MacOS:
			return []string{"softwareupdate", "installer", "brew", "brew_cask"}
		case os == Suse:
			return []string{"Security", "Recommended", "Optional", "Feature", "Document", "Yast"}
		}
		return []string{"Security", "Bugfix", "Enhancement", "Recommended", "Newpackage"}
	case "SEVERITY":
		if os == Suse {
			return []string{"Critical", "Important", "Moderate", "Low"}
		}
		return []string{"Critical", "Important", "Medium", "Moderate", "Low", "None"}
	case "MSRC_SEVERITY":
		return []string{"Critical", "Important", "Moderate", "Low", "Unspecified"}
	case "PATCH_SET":
		return []string{"OS", "APPLICATION"}
	case "PRIORITY":
		return []string{"Required", "Important", "Standard", "Optional", "Extra"}
	}
	return nil
}

func knownValue(os OperatingSystem, key, value string) bool {
	if value == "*" {
		return true
	}
	if key == "PRODUCT" {
		return knownProduct(os, value)
	}
	known := knownValues(os, key)
	return known == nil || slices.ContainsFunc(known, func(s string) bool { return equalFold(s, value) })
}
