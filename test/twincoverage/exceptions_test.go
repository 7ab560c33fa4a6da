package twincoverage

// nothing says of an operation that no request to it can be wrong in a way of its own.
const nothing = "it takes nothing that could be wrong"

// exceptions are the operations without a scenario, or without a negative one, and why.
var exceptions = map[string]string{
	"ec2 DisableEbsEncryptionByDefault": nothing,
	"ec2 EnableEbsEncryptionByDefault":  nothing,
	"ec2 GetEbsEncryptionByDefault":     nothing,
	"ec2 GetEbsDefaultKmsKeyId":         nothing,
	"s3 ListBuckets":                    nothing,
}
