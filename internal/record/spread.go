package record

// Spread is how an image came to the accounts and Regions in which it is used.
type Spread struct {
	Mode     string    `json:"mode"` // share or copy
	Warnings []string  `json:"warnings,omitempty"`
	Images   []Placed  `json:"images"`
	Grants   []Granted `json:"grants,omitempty"`
	Seen     []Seen    `json:"seen,omitempty"` // one for each account and Region
}

// Placed is an image in one account's Region.
type Placed struct {
	Account string `json:"account"` // who owns it
	Region  string `json:"region"`
	Image   string `json:"image,omitempty"`
	Name    string `json:"name,omitempty"`
	Key     string `json:"key,omitempty"`     // ARN that encrypts the copy
	Adopted bool   `json:"adopted,omitempty"` // it stood there already
	Outcome string `json:"outcome"`           // done, failed, refused, gone, unusable, unfinished
	Text    string `json:"text,omitempty"`
}

// Granted is a grant of a KMS key that a run has made.
type Granted struct {
	Key     string `json:"key"`
	Grantee string `json:"grantee"`
	Name    string `json:"name"`
}

// Seen is what an account saw of the image that it is to launch.
type Seen struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Image   string `json:"image,omitempty"`
	// Verified says that it is there, available and, as far as was asked, launchable.
	Verified bool `json:"verified"`
	// Canary says that an instance was launched from it.
	Canary bool   `json:"canary,omitempty"`
	Text   string `json:"text,omitempty"`
}
