package wire

// denials are the answers to requests that are not signed as they must be, by what is
// wrong and the style of the service. Clients go by the codes: some of them make SDKs
// correct their clock, others end a retry. Sources: "Error codes for the Amazon EC2 API"
// and S3's "List of error codes"; of the other services their "Common errors", and where
// these name several codes, the one that users quote.
func denials(w what) map[string]Error {
	const token = "The security token included in the request is invalid."
	const signature = "The request signature we calculated does not match the signature you provided."
	const ec2 = "AWS was not able to validate the provided access credentials"
	switch w {
	case isUnsigned:
		const text = "The request must contain a signature with an access key."
		return map[string]Error{"ec2": {Code: "MissingAuthenticationToken", Message: text, Status: 403},
			"rest-xml": {Code: "AccessDenied", Message: "Access Denied", Status: 403}, // nobody is the public here
			"json":     {Code: "MissingAuthenticationTokenException", Message: text, Status: 400},
			"query":    {Code: "MissingAuthenticationToken", Message: text, Status: 403}}
	case isStranger:
		return map[string]Error{"ec2": {Code: "AuthFailure", Message: ec2, Status: 401},
			"rest-xml": {Code: "InvalidAccessKeyId", Message: "The AWS Access Key Id you provided does not exist in our records.", Status: 403},
			"json":     {Code: "UnrecognizedClientException", Message: token, Status: 400},
			"query":    {Code: "InvalidClientTokenId", Message: token, Status: 403}}
	case isForged:
		return map[string]Error{"ec2": {Code: "AuthFailure", Message: ec2, Status: 401},
			"rest-xml": {Code: "SignatureDoesNotMatch", Message: signature, Status: 403},
			"json":     {Code: "InvalidSignatureException", Message: signature, Status: 400},
			"query":    {Code: "SignatureDoesNotMatch", Message: signature, Status: 403}}
	case isSkewed:
		const text = "Signature expired, or not yet current: its time is too far from the twin's clock on the wall."
		return map[string]Error{"ec2": {Code: "RequestExpired", Message: text, Status: 400},
			"rest-xml": {Code: "RequestTimeTooSkewed", Message: text, Status: 403},
			"json":     {Code: "InvalidSignatureException", Message: text, Status: 400},
			"query":    {Code: "SignatureDoesNotMatch", Message: text, Status: 403}}
	case isOver:
		const text = "The security token included in the request is expired"
		return map[string]Error{"ec2": {Code: "RequestExpired", Message: "Request has expired.", Status: 400},
			"rest-xml": {Code: "ExpiredToken", Message: text, Status: 400},
			"json":     {Code: "ExpiredTokenException", Message: text, Status: 400},
			"query":    {Code: "ExpiredToken", Message: text, Status: 403}}
	}
	return nil
}

// style is the protocol in whose words a service of a protocol refuses signatures. What
// speaks CBOR here keeps the codes of the query protocol.
func style(protocol string) string {
	switch protocol {
	case "ec2", "rest-xml", "query":
		return protocol
	case rpcCBOR:
		return "query"
	}
	return "json"
}
