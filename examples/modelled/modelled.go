// Package modelled is a configuration and a world in which the main job runs on
// package data: without root, Packer, Debian tools or an AWS account.
package modelled

import "embed"

// Files are the example's files; rehydrate.hcl is its configuration.
//
//go:embed rehydrate.hcl world.json repository.json image.json
var Files embed.FS
