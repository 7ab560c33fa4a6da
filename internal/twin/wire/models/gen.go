//go:build ignore

// Gen strips botocore's service models to what the codec needs and gzips them:
//
//	go run gen.go -botocore DIR/botocore/data [service ...]
//
// Documentation, examples and traits that no wire format depends on are dropped;
// every operation stays, so that the golden requests can be compared with all of
// them.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// services are the endpoint prefixes, with the folder where botocore has it by
// another name.
var services = map[string]string{
	"autoscaling": "", "ebs": "", "ec2": "", "elasticloadbalancing": "elbv2", "events": "", "kms": "",
	"monitoring": "cloudwatch", "s3": "", "servicequotas": "service-quotas", "sns": "", "ssm": "", "sts": "",
}

// keep are the keys that decide what goes over the wire or what is valid there.
var keep = map[string][]string{
	"metadata": {"apiVersion", "endpointPrefix", "jsonVersion", "protocol", "targetPrefix", "xmlNamespace", "signingName", "globalEndpoint", "serviceId"},
	"op":       {"http", "input", "output", "errors"},
	"http":     {"method", "requestUri", "responseCode"},
	"ref":      {"shape", "locationName", "queryName", "location", "timestampFormat", "flattened", "xmlAttribute", "xmlNamespace", "resultWrapper", "payload", "streaming", "jsonvalue"},
	"shape":    {"type", "members", "member", "key", "value", "required", "enum", "pattern", "min", "max", "flattened", "locationName", "timestampFormat", "payload", "streaming", "union", "document", "error", "exception", "xmlNamespace", "eventstream"},
}

func main() {
	data := flag.String("botocore", "", "botocore's data folder")
	flag.Parse()
	for s, folder := range services {
		if len(flag.Args()) > 0 && !slices.Contains(flag.Args(), s) {
			continue
		}
		if folder == "" {
			folder = s
		}
		if err := generate(*data, folder, s); err != nil {
			log.Fatal(err)
		}
	}
}

func generate(data, folder, service string) error {
	found, err := filepath.Glob(filepath.Join(data, folder, "*", "service-2.json*"))
	if err != nil || len(found) == 0 {
		return fmt.Errorf("no model of %s under %s (%v)", service, data, err)
	}
	slices.Sort(found)
	in, err := read(found[len(found)-1])
	if err != nil {
		return err
	}
	out := map[string]any{"metadata": only(in["metadata"], "metadata")}
	ops := map[string]any{}
	for name, op := range in["operations"].(map[string]any) {
		o := only(op, "op")
		o["http"] = only(o["http"], "http")
		for _, k := range []string{"input", "output"} {
			if o[k] != nil {
				o[k] = only(o[k], "ref")
			}
		}
		if errs, ok := o["errors"].([]any); ok {
			for i := range errs {
				errs[i] = errs[i].(map[string]any)["shape"]
			}
		}
		ops[name] = o
	}
	out["operations"] = ops
	shapes := map[string]any{}
	for name, sh := range in["shapes"].(map[string]any) {
		shapes[name] = shape(sh)
	}
	out["shapes"] = shapes
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	var zipped bytes.Buffer
	z, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if _, err := z.Write(text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	fmt.Printf("%s: %d operations, %d shapes, %d bytes\n", service, len(ops), len(shapes), zipped.Len())
	return os.WriteFile(service+".json.gz", zipped.Bytes(), 0o644)
}

func shape(in any) map[string]any {
	s := only(in, "shape")
	if members, ok := s["members"].(map[string]any); ok {
		for k, v := range members {
			members[k] = only(v, "ref")
		}
	}
	for _, k := range []string{"member", "key", "value"} {
		if s[k] != nil {
			s[k] = only(s[k], "ref")
		}
	}
	if p, ok := s["pattern"].(string); ok {
		if _, err := regexp.Compile(p); err != nil || strings.TrimSpace(p) == "" {
			delete(s, "pattern") // a Java expression that Go cannot judge
		}
	}
	return s
}

func only(in any, what string) map[string]any {
	out := map[string]any{}
	for k, v := range in.(map[string]any) {
		if slices.Contains(keep[what], k) {
			out[k] = v
		}
	}
	return out
}

func read(path string) (map[string]any, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		return out, json.NewDecoder(z).Decode(&out)
	}
	return out, json.Unmarshal(raw, &out)
}
