package ssm

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

const twoSteps = `{"schemaVersion":"2.2","description":"d","parameters":{
 "source":{"type":"String","allowedPattern":"^https://[a-z0-9./-]+$"},"words":{"type":"StringList","default":["a","b"]}},
 "mainSteps":[
 {"action":"aws:downloadContent","name":"fetch","inputs":{"sourceType":"S3","sourceInfo":"{\"path\":\"{{ source }}\"}","destinationPath":"/opt/kit"}},
 {"action":"aws:runShellScript","name":"run","inputs":{"timeoutSeconds":"60","runCommand":["echo begin","{{ words }}","echo {{ source }} {{words}}"]}}]}`

func (r *rig) document(name, content string) {
	r.t.Helper()
	if _, err := r.c.CreateDocument(r.t.Context(), &sdk.CreateDocumentInput{Name: &name, Content: &content, DocumentType: types.DocumentTypeCommand}); err != nil {
		r.t.Fatal(err)
	}
}

func TestDocumentLife(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.document("Patch", twoSteps)
	if _, err := r.c.CreateDocument(ctx, &sdk.CreateDocumentInput{Name: aws.String("Patch"), Content: aws.String(twoSteps)}); code(err) != "DocumentAlreadyExists" {
		t.Fatal(err)
	}
	d, err := r.c.DescribeDocument(ctx, &sdk.DescribeDocumentInput{Name: aws.String("Patch")})
	if err != nil || len(*d.Document.Hash) != 64 || d.Document.HashType != types.DocumentHashTypeSha256 || len(d.Document.Parameters) != 2 || *d.Document.SchemaVersion != "2.2" {
		t.Fatalf("%+v %v", d, err)
	}
	if _, err := r.c.UpdateDocument(ctx, &sdk.UpdateDocumentInput{Name: aws.String("Patch"), Content: aws.String(twoSteps), DocumentVersion: aws.String("$LATEST")}); code(err) != "DuplicateDocumentContent" {
		t.Fatal(err)
	}
	next := strings.Replace(twoSteps, "begin", "start", 1)
	if _, err := r.c.UpdateDocument(ctx, &sdk.UpdateDocumentInput{Name: aws.String("Patch"), Content: &next, DocumentVersion: aws.String("$LATEST")}); err != nil {
		t.Fatal(err)
	}
	for want, version := range map[string]*string{twoSteps: nil, next: aws.String("$LATEST")} {
		got, err := r.c.GetDocument(ctx, &sdk.GetDocumentInput{Name: aws.String("Patch"), DocumentVersion: version})
		if err != nil || *got.Content != want {
			t.Fatalf("version %s: %v", aws.ToString(version), err)
		}
	}
	if _, err := r.c.GetDocument(ctx, &sdk.GetDocumentInput{Name: aws.String("Patch"), DocumentVersion: aws.String("7")}); code(err) != "InvalidDocumentVersion" {
		t.Fatal(err)
	}
	if _, err := r.c.UpdateDocumentDefaultVersion(ctx, &sdk.UpdateDocumentDefaultVersionInput{Name: aws.String("Patch"), DocumentVersion: aws.String("2")}); err != nil {
		t.Fatal(err)
	}
	versions, err := r.c.ListDocumentVersions(ctx, &sdk.ListDocumentVersionsInput{Name: aws.String("Patch")})
	if err != nil || len(versions.DocumentVersions) != 2 || *versions.DocumentVersions[0].DocumentVersion != "2" || !versions.DocumentVersions[0].IsDefaultVersion || versions.DocumentVersions[1].IsDefaultVersion {
		t.Fatalf("%+v %v", versions, err)
	}
	if _, err := r.c.ListDocumentVersions(ctx, &sdk.ListDocumentVersionsInput{Name: aws.String("Nobody")}); code(err) != "InvalidDocument" {
		t.Fatal(err)
	}
	list := func(key, value string) (out []string) {
		l, err := r.c.ListDocuments(ctx, &sdk.ListDocumentsInput{Filters: []types.DocumentKeyValuesFilter{{Key: &key, Values: []string{value}}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range l.DocumentIdentifiers {
			out = append(out, *d.Name+" "+*d.DocumentVersion)
		}
		return out
	}
	if got := list("Owner", "Self"); !slices.Equal(got, []string{"Patch 2"}) {
		t.Fatal(got)
	}
	if got := list("Owner", "Amazon"); !slices.Equal(got, []string{"AWS-RunPatchBaseline 1", "AWS-RunShellScript 1"}) {
		t.Fatal(got)
	}
	if _, err := r.c.DeleteDocument(ctx, &sdk.DeleteDocumentInput{Name: aws.String("Patch")}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.c.DescribeDocument(ctx, &sdk.DescribeDocumentInput{Name: aws.String("Patch")}); code(err) != "InvalidDocument" {
		t.Fatal(err)
	}
	if _, err := r.c.DescribeDocument(ctx, &sdk.DescribeDocumentInput{Name: aws.String("AWS-ApplyPatchBaseline")}); code(err) != "UnsupportedOperation" {
		t.Fatal(err)
	}
	if _, err := r.c.DeleteDocument(ctx, &sdk.DeleteDocumentInput{Name: aws.String("AWS-RunShellScript")}); code(err) != "InvalidDocumentOperation" {
		t.Fatal(err)
	}
}

func TestDocumentContentIsChecked(t *testing.T) {
	for _, c := range []struct{ name, text, format, code string }{
		{"fine", twoSteps, "JSON", ""},
		{"fine in YAML", "schemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n  name: x\n  inputs:\n    runCommand: [uptime]\n", "YAML", ""},
		{"no JSON", "{", "JSON", "InvalidDocumentContent"},
		{"no YAML", "a: [", "YAML", "InvalidDocumentContent"},
		{"YAML aliases", "a: &a [x]\nb: *a\n", "YAML", "UnsupportedOperation"},
		{"no steps", `{"schemaVersion":"2.2"}`, "JSON", "InvalidDocumentContent"},
		{"no schema", `{"mainSteps":[{"action":"aws:runShellScript","name":"x"}]}`, "JSON", "InvalidDocumentContent"},
		{"an old schema", `{"schemaVersion":"1.2","mainSteps":[]}`, "JSON", "UnsupportedOperation"},
		{"a plugin that is not modelled", `{"schemaVersion":"2.2","mainSteps":[{"action":"aws:configureDocker","name":"x"}]}`, "JSON", "UnsupportedOperation"},
		{"two steps of one name", `{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"x"},{"action":"aws:runShellScript","name":"x"}]}`, "JSON", "InvalidDocumentContent"},
		{"an undefined parameter", `{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"x","inputs":{"runCommand":["{{ y }}"]}}]}`, "JSON", "InvalidDocumentContent"},
		{"an unknown type", `{"schemaVersion":"2.2","parameters":{"p":{"type":"Float"}},"mainSteps":[{"action":"aws:runShellScript","name":"x"}]}`, "JSON", "InvalidDocumentContent"},
		{"a broken pattern", `{"schemaVersion":"2.2","parameters":{"p":{"type":"String","allowedPattern":"("}},"mainSteps":[{"action":"aws:runShellScript","name":"x"}]}`, "JSON", "InvalidDocumentContent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(c.text, c.format)
			if (err == nil) != (c.code == "") || err != nil && !strings.HasPrefix(err.Error(), c.code+":") {
				t.Fatalf("got %v, want %q", err, c.code)
			}
		})
	}
}

func TestParametersAreBound(t *testing.T) {
	c, err := parse(twoSteps, "JSON")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name  string
		given map[string][]string
		ok    bool
	}{
		{"all", map[string][]string{"source": {"https://x"}, "words": {"c"}}, true},
		{"default", map[string][]string{"source": {"https://x"}}, true},
		{"missing", nil, false},
		{"unknown", map[string][]string{"source": {"https://x"}, "more": {"x"}}, false},
		{"off its pattern", map[string][]string{"source": {"https://x; rm -rf /"}}, false},
		{"two values for one", map[string][]string{"source": {"https://x", "https://y"}}, false},
	} {
		if _, err := c.bind(x.given); (err == nil) != x.ok {
			t.Errorf("%s: %v", x.name, err)
		}
	}
	bound, err := c.bind(map[string][]string{"source": {"https://x"}})
	if err != nil {
		t.Fatal(err)
	}
	got := input(c.MainSteps[1].Inputs["runCommand"], bound, c.lists)
	if want := []string{"echo begin", "a", "b", `echo https://x ["a","b"]`}; !slices.Equal(got, want) {
		t.Fatalf("%q", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(twoSteps, false)
	f.Add(shellDocument, false)
	f.Add("schemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n  name: x\n  inputs: {runCommand: ['{{ a }}', 1, [true]]}\n", true)
	f.Add(`{"schemaVersion":"2.2","mainSteps":[{"name":"x","action":"aws:runShellScript","precondition":{"StringEquals":["platformType","Windows"]}}]}`, false)
	f.Fuzz(func(t *testing.T, text string, yaml bool) {
		format := "JSON"
		if yaml {
			format = "YAML"
		}
		c, err := parse(text, format)
		if err != nil {
			return
		}
		bound, err := c.bind(nil)
		if err != nil {
			return
		}
		for _, st := range c.MainSteps {
			if st.Name == "" {
				t.Fatal("a step without a name was taken")
			}
			st.skipped()
			for _, v := range st.Inputs {
				input(v, bound, c.lists)
			}
		}
	})
}
