// Package imagelife revokes and retires images through the app and the real SDK against
// the twin's EC2, Auto Scaling, Parameter Store and S3, in virtual time, with calls that
// fail.
package imagelife
