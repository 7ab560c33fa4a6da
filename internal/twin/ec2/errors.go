package ec2

import (
	"strings"

	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// Codes and texts: "Error codes for the Amazon EC2 API",
// docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html.

// missing is NotFound for a list of ids, as EC2 words it: the brackets only stand
// in the image and in the plural forms.
func missing(code, what string, ids ...string) error {
	verb := "does not exist"
	if len(ids) > 1 {
		what, verb = what+"s", "do not exist"
	}
	list := strings.Join(ids, ", ")
	if len(ids) > 1 || what == "image id" {
		list = "[" + list + "]"
	}
	return wire.Errorf(code, "The %s '%s' %s", what, list, verb)
}

func noImage(ids ...string) error { return missing("InvalidAMIID.NotFound", "image id", ids...) }
func noInstance(ids ...string) error {
	return missing("InvalidInstanceID.NotFound", "instance ID", ids...)
}
func noSnapshot(ids ...string) error { return missing("InvalidSnapshot.NotFound", "snapshot", ids...) }
func noVolume(ids ...string) error   { return missing("InvalidVolume.NotFound", "volume", ids...) }
func noGroup(ids ...string) error    { return missing("InvalidGroup.NotFound", "security group", ids...) }
func noKeyPair(ids ...string) error  { return missing("InvalidKeyPair.NotFound", "key pair", ids...) }

func missingParameter(name string) error {
	return wire.Errorf("MissingParameter", "The request must contain the parameter %s", name)
}

func badValue(format string, args ...any) error {
	return wire.Errorf("InvalidParameterValue", format, args...)
}

func badCombination(format string, args ...any) error {
	return wire.Errorf("InvalidParameterCombination", format, args...)
}

// unmodelled refuses a parameter that would change the outcome on AWS and that the
// twin does not act on: taking it silently would be a fake success.
func unmodelled(op, parameter string) error {
	return wire.Errorf("UnsupportedOperation", "the twin does not model %s with %s", op, parameter)
}

func badToken(t string) error {
	return badValue("Value ( %s ) for parameter NextToken is invalid. The token is invalid.", t)
}

func noRegion(name string) error {
	return badValue("Value (%s) for parameter sourceRegion is invalid. It is no Region of this account.", name)
}

func noAddress(prefix string) error {
	return wire.Errorf("InsufficientFreeAddressesInSubnet", "The twin has no free address left in %s.0.0/16", prefix)
}

// checkID refuses ids that cannot be ids, before looking them up.
func checkID(id, prefix, code string) error {
	rest, ok := strings.CutPrefix(id, prefix)
	if ok && (len(rest) == 8 || len(rest) == 17) && strings.Trim(rest, "0123456789abcdef") == "" {
		return nil
	}
	return wire.Errorf(code, "Invalid id: \"%s\" (expecting \"%s...\")", id, prefix)
}
