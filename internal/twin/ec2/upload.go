package ec2

import (
	"time"
)

// Upload is a snapshot while its blocks are written through EBS direct.
type Upload struct {
	File    string        `json:"file"`              // the disk image as far as it is
	Timeout time.Duration `json:"timeout,omitempty"` // without a write it fails after that long
	Blocks  int32         `json:"blocks,omitempty"`  // written so far
}
