package ssm

import "github.com/goldenami/rehydrate/internal/twin/wire"

func invalid(format string, args ...any) error {
	return wire.Errorf("ValidationException", format, args...)
}

func unmodelled(what string) error {
	return wire.Errorf("UnsupportedOperation", "the twin does not model %s", what)
}

func noParameter() error { return wire.Errorf("ParameterNotFound", "") }

func noVersion(name, selector string) error {
	return wire.Errorf("ParameterVersionNotFound", "Systems Manager could not find version %s of %s. Verify the version and try again.", selector, name)
}

func noDocument(name string) error {
	return wire.Errorf("InvalidDocument", "Document with name %s does not exist.", name)
}
