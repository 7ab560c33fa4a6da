// Package live holds a run against a real AWS account to the same assertions as
// test/demo holds one on the twin. It costs money and changes what runs in the
// account, so it is behind the build tag live and refuses every account but the one
// that REHYDRATE_LIVE_ACCOUNT names:
//
//	REHYDRATE_LIVE_ACCOUNT=111122223333 REHYDRATE_LIVE_CONFIG=rehydrate.hcl make live
//
// It has never been run by the project itself. Further settings:
//
//	REHYDRATE_LIVE_IMAGE    the image line, if the configuration has several
//	REHYDRATE_LIVE_PENDING  packages, with commas between, that the baseline leaves pending
package live
