package wire_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

func setAlarm(body string) raw {
	return raw{path: "/service/GraniteServiceVersion20100801/operation/SetAlarmState", scope: "monitoring", ctype: "application/cbor",
		body: body, header: map[string]string{"Smithy-Protocol": "rpc-v2-cbor"}}
}

func putBucket(body string) raw {
	return raw{method: http.MethodPut, path: "/box", scope: "s3", body: body}
}

func TestDocumentsThatAreNotWellFormedAreRefused(t *testing.T) {
	t.Parallel()
	h := lenient(t, wiretest.World(t), thin()...)
	for name, test := range map[string]struct {
		raw  raw
		code string
	}{
		"json that is not UTF-8":     {raw{scope: "ssm", target: "AmazonSSM.GetParameter", body: "{\"Name\":\"\xff\"}"}, "SerializationException"},
		"cbor with a second item":    {setAlarm("\xa0\xa0"), "SerializationException"},
		"cbor cut":                   {setAlarm("\xbf\x69AlarmName"), "SerializationException"},
		"cbor longer than it is":     {setAlarm("\xa1\x69AlarmName\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), "SerializationException"},
		"cbor text longer than it":   {setAlarm("\xa1\x69AlarmName\x7b\xff\xff\xff\xff\xff\xff\xff\xff"), "SerializationException"},
		"cbor key that is a number":  {setAlarm("\xa1\x01\x02"), "SerializationException"},
		"cbor text not UTF-8":        {setAlarm("\xa1\x69AlarmName\x62\xff\xfe"), "SerializationException"},
		"cbor pieces of two kinds":   {setAlarm("\xa1\x69AlarmName\x7f\x61a\x41b\xff"), "SerializationException"},
		"cbor break alone":           {setAlarm("\xff"), "SerializationException"},
		"cbor integer without end":   {setAlarm("\xa1\x69AlarmName\x1f"), "SerializationException"},
		"cbor tags of tags":          {setAlarm("\xa1\x69AlarmName" + strings.Repeat("\xc1", 1000) + "\x00"), "SerializationException"},
		"cbor tag where text":        {setAlarm("\xa1\x69AlarmName\xc1\x05"), "ValidationError"},
		"xml of another kind":        {putBucket("<Tagging/>"), "MalformedXML"},
		"xml with text before":       {putBucket("x<CreateBucketConfiguration/>"), "MalformedXML"},
		"xml with text after":        {putBucket("<CreateBucketConfiguration/>x"), "MalformedXML"},
		"ec2 of an older version":    {raw{scope: "ec2", ctype: form, body: "Action=DescribeInstances&Version=2014-10-01"}, "UnsupportedOperation"},
		"ec2 of another version":     {raw{scope: "ec2", ctype: form, body: "Action=DescribeInstances&Version=1999-01-01"}, "NoSuchVersion"},
		"query of another version":   {raw{scope: "sts", ctype: form, body: "Action=AssumeRole&Version=2016-11-15"}, "InvalidAction"},
		"a region that is a path":    {raw{scope: "ec2", ctype: form, body: "Action=DescribeInstances", header: scoped("..%2f..%2fetc", "ec2")}, "SignatureDoesNotMatch"},
		"no region":                  {raw{scope: "ec2", ctype: form, body: "Action=DescribeInstances", header: scoped("", "ec2")}, "SignatureDoesNotMatch"},
		"json in no region":          {raw{target: "AmazonSSM.GetParameter", body: `{"Name":"x"}`, header: scoped(strings.Repeat("a", 5000), "ssm")}, "InvalidSignatureException"},
		"S3 in no region":            {raw{method: http.MethodPut, path: "/box", header: scoped("mars", "s3")}, "AuthorizationHeaderMalformed"},
		"S3 document as large as an": {putBucket("<CreateBucketConfiguration>" + strings.Repeat(" ", 5<<20) + "</CreateBucketConfiguration>"), "EntityTooLarge"},
	} {
		if w := test.raw.send(h); codeOf(w) != test.code || w.Code >= 500 {
			t.Errorf("%s: %d %.300s, want %s", name, w.Code, w.Body, test.code)
		}
	}
	for name, r := range map[string]raw{
		"cbor without lengths": setAlarm("\xbf\x7f\x65Alarm\x64Name\xff\x61a\x6aStateValue\x62OK\x6bStateReason\x61x\xff"),
		"ec2 of its version":   {scope: "ec2", ctype: form, body: "Action=DescribeInstances&Version=2016-11-15"},
		"a region of three":    {ctype: form, body: "Action=DescribeInstances", header: scoped("us-gov-west-1", "ec2")},
		"an object of 5 MB":    {method: http.MethodPut, path: "/box/a", scope: "s3", body: strings.Repeat("x", 5<<20)},
	} {
		if w := r.send(h); w.Code != http.StatusOK {
			t.Errorf("%s: %d %.300s", name, w.Code, w.Body)
		}
	}
}

func scoped(region, service string) map[string]string {
	return map[string]string{"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20260301/" + region + "/" + service + "/aws4_request, SignedHeaders=host, Signature=00"}
}

// TestManySmallValuesDoNotTakeMuchMemory: each of these became hundreds of megabytes.
func TestManySmallValuesDoNotTakeMuchMemory(t *testing.T) {
	h := lenient(t, wiretest.World(t), thin()...)
	params := strings.Builder{}
	for i := range 9000 {
		fmt.Fprintf(&params, "&F.%d%s=1", i, strings.Repeat(".a", 50))
	}
	for name, r := range map[string]raw{
		"query":      {scope: "ec2", ctype: form, body: "Action=DescribeInstances" + params.String()},
		"json":       {scope: "ssm", target: "AmazonSSM.GetParameter", body: `{"Name":[` + strings.Repeat("[],", 1<<20) + `[]]}`},
		"cbor lists": setAlarm("\xa1\x69AlarmName\x9f" + strings.Repeat("\x80", 4000000) + "\xff"),
		"cbor maps":  setAlarm("\xa1\x69AlarmName\x9f" + strings.Repeat("\xa0", 4000000) + "\xff"),
		"xml":        putBucket("<CreateBucketConfiguration>" + strings.Repeat("<a/>", 1000000) + "</CreateBucketConfiguration>"),
	} {
		before := allocated()
		w := r.send(h)
		if took := allocated() - before; took > 100<<20 || w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d MB, %d %.200s", name, took>>20, w.Code, w.Body)
		}
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestAKeyThatIsNotKnownCostsNoMemory(t *testing.T) {
	t.Parallel()
	h, err := wire.NewHandler(wire.Options{World: wiretest.World(t), Services: thin(), Secrets: map[string]string{"AKIAIOSFODNN7EXAMPLE": "secretsecretsecret"}})
	if err != nil {
		t.Fatal(err)
	}
	body := &counting{left: 200 << 20}
	r := httptest.NewRequest(http.MethodPut, "/box/a", body)
	for k, v := range scoped("eu-west-1", "s3") {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if codeOf(w) != "InvalidAccessKeyId" || body.read > 0 {
		t.Errorf("%d bytes read: %s", body.read, w.Body)
	}
}

type counting struct{ left, read int }

func (c *counting) Read(b []byte) (int, error) {
	n := min(len(b), c.left)
	c.left, c.read = c.left-n, c.read+n
	return n, nil
}

// TestASignatureIsGoodForAQuarterOfAnHour: what was signed long ago, or for later, is
// refused, whatever the virtual time is.
func TestASignatureIsGoodForAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	const key, secret, body = "AKIAIOSFODNN7EXAMPLE", "secretsecretsecret", `{"Name":"x"}`
	h, err := wire.NewHandler(wire.Options{World: wiretest.World(t), Services: thin(), Secrets: map[string]string{key: secret}})
	if err != nil {
		t.Fatal(err)
	}
	for age, want := range map[time.Duration]string{0: "", 10 * time.Minute: "", 20 * time.Minute: "InvalidSignatureException", -20 * time.Minute: "InvalidSignatureException"} {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", strings.NewReader(body))
		r.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
		sum := sha256.Sum256([]byte(body))
		creds := aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}
		if err := v4.NewSigner().SignHTTP(t.Context(), creds, r, hex.EncodeToString(sum[:]), "ssm", "eu-west-1", time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := codeOf(w); got != want || want == "" && w.Code != http.StatusOK {
			t.Errorf("signed %s ago: %d %s, want %q", age, w.Code, w.Body, want)
		}
	}
}

// TestAClientThatStopsSendingIsGivenUp: it would keep the clock, and its memory, as long
// as its connection stands.
func TestAClientThatStopsSendingIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := piped(t, lenient(t, wiretest.World(t), thin()...))
		fmt.Fprintf(conn, "PUT /box/a HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: %s\r\nContent-Length: 100000\r\n\r\nhello", scoped("eu-west-1", "s3")["Authorization"])
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Minute))
		text, err := io.ReadAll(conn)
		if err != nil || !strings.Contains(string(text), "RequestTimeout") {
			t.Errorf("%s, %v", text, err)
		}
	})
}

// piped serves a handler on a connection without a socket: its time is the bubble's, in
// which no machine is slow.
func piped(t *testing.T, h http.Handler) net.Conn {
	t.Helper()
	here, there := net.Pipe()
	l := pipe{conns: make(chan net.Conn, 1), done: make(chan struct{})}
	l.conns <- there
	srv := &http.Server{Handler: h}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		_ = here.Close()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return here
}

// pipe is a listener that accepts what it has been given.
type pipe struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p pipe) Close() error   { close(p.done); return nil }
func (p pipe) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// TestAConnectionIsGoodForTheNextRequest: limits of one request do not end another, and
// an error leaves the connection as it was.
func TestAConnectionIsGoodForTheNextRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := piped(t, lenient(t, wiretest.World(t), thin()...))
		in := bufio.NewReader(conn)
		for _, body := range []string{"Action=DescribeInstances", "Action=Nonsense", "%zz", "Action=DescribeInstances"} {
			time.Sleep(10 * time.Minute) // longer than a body may take: it is the socket's clock
			fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s", form, scoped("eu-west-1", "ec2")["Authorization"], len(body), body)
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			if want := strings.Contains(body, "Describe"); want != (resp.StatusCode == http.StatusOK) || resp.StatusCode >= 500 {
				t.Errorf("%s: %s", body, resp.Status)
			}
		}
	})
}
