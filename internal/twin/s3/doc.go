// Package s3 is the twin's S3, thin: buckets and objects with conditional writes,
// ranges, checksums, versions, multipart uploads and lists, in path style or
// virtual-host style. There are no policies, copies or lists of parts: a bucket
// belongs to its account alone.
package s3
