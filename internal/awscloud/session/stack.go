package session

import (
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// stack adds our name to the user agent of every request.
func stack(version string) []func(*middleware.Stack) error {
	if version == "" {
		version = "dev"
	}
	return []func(*middleware.Stack) error{awsmiddleware.AddUserAgentKeyValue("rehydrate", version)}
}
