package wire_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

// FuzzRequests: whatever comes in, the answer is an AWS answer, never 5xx.
func FuzzRequests(f *testing.F) {
	for _, s := range []struct{ method, path, scope, target, body, chunked string }{
		{"POST", "/", "ec2", "", "Action=RunInstances&MinCount=1&MaxCount=1&BlockDeviceMapping.1.Ebs.VolumeSize=8&TagSpecification.1.Tag.1.Key=a", ""},
		{"POST", "/", "ec2", "", "Action=DescribeInstances&Filter.1.Name=x&Filter.1.Value.1=y&MaxResults=5", ""},
		{"POST", "/", "autoscaling", "", "Action=StartInstanceRefresh&AutoScalingGroupName=a&Preferences.CheckpointPercentages.member.1=50", ""},
		{"POST", "/", "sts", "", "Action=AssumeRole&RoleArn=arn:aws:iam::111122223333:role/R&RoleSessionName=ab&Tags.member.1.Key=x", ""},
		{"POST", "/", "ssm", "AmazonSSM.SendCommand", `{"DocumentName":"AWS-RunShellScript","Parameters":{"commands":["a"]},"InstanceIds":["i-1"],"TimeoutSeconds":60}`, ""},
		{"POST", "/", "ssm", "AmazonSSM.PutParameter", `{"Name":"x","Value":"y","Tags":[{"Key":"k","Value":"v"}],"Overwrite":true}`, ""},
		{"GET", "/snapshots/snap-1/blocks?maxResults=100&startingBlockIndex=5", "ebs", "", "", ""},
		{"PUT", "/box/key%20x?x-id=PutObject", "s3", "", "5;chunk-signature=00\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "aws-chunked"},
		{"PUT", "/box", "s3", "", "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>", ""},
		{"POST", "/service/X/operation/Y", "monitoring", "", "\xbf\xff", ""},
		{"POST", "/service/GraniteServiceVersion20100801/operation/SetAlarmState", "monitoring", "", "\xa2iAlarmNameaajStateValuebOK", ""},
	} {
		f.Add(s.method, s.path, s.scope, s.target, s.body, s.chunked)
	}
	h := lenient(f, wiretest.World(f), thin()...)
	f.Fuzz(func(t *testing.T, method, path, scope, target, body, encoding string) {
		req, err := http.NewRequest(method, "http://127.0.0.1/", strings.NewReader(body))
		if err != nil {
			return
		}
		if u, err := req.URL.Parse(path); err == nil {
			req.URL = u
		}
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260301/eu-west-1/"+scope+"/aws4_request, SignedHeaders=host, Signature=00")
		req.Header.Set("Content-Type", form)
		req.Header.Set("Content-Encoding", encoding)
		if target != "" {
			req.Header.Set("X-Amz-Target", target)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func FuzzDechunk(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\n\r\n"), "5")
	f.Add([]byte("0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"), "")
	f.Fuzz(func(t *testing.T, body []byte, length string) {
		h := http.Header{"X-Amz-Decoded-Content-Length": {length}}
		out, err := wire.Dechunk(body, h)
		if err == nil && len(out) > len(body) {
			t.Errorf("%d bytes out of %d", len(out), len(body))
		}
	})
}
