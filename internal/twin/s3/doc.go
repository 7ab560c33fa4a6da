// Package s3 is the twin's S3, thin: buckets and objects with conditional writes,
// ranges, checksums, versions, multipart uploads and lists, in path style or
// virtual-host style, copies, and bucket policies without conditions.
package s3
