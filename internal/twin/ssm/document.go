package ssm

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// document is a command document of the account.
type document struct {
	Name     string            `json:"name"`
	Owner    string            `json:"owner"`
	Target   string            `json:"target,omitempty"`
	Default  int               `json:"default"`
	Versions []docVersion      `json:"versions"` // oldest first
	Tags     map[string]string `json:"tags,omitempty"`
}

type docVersion struct {
	Number  int       `json:"number"`
	Name    string    `json:"name,omitempty"` // VersionName
	Format  string    `json:"format"`
	Content string    `json:"content"`
	Created time.Time `json:"created"`
}

func (v docVersion) hash() string {
	sum := sha256.Sum256([]byte(v.Content))
	return hex.EncodeToString(sum[:])
}

func documents(tx *world.Tx) *world.Rows[document] {
	return world.Table[document](tx, "ssm/documents")
}

// shellDocument is AWS-RunShellScript's content, ours in words, Amazon's in effect.
const shellDocument = `{
  "schemaVersion": "2.2",
  "description": "Run a shell script or specify the commands to run.",
  "parameters": {
    "commands": {"type": "StringList", "description": "Specify a shell script or a command to run.", "displayType": "textarea"},
    "workingDirectory": {"type": "String", "default": "", "description": "The path to the working directory on the instance."},
    "executionTimeout": {"type": "String", "default": "3600", "description": "The time in seconds for a command to complete.", "allowedPattern": "([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)"}
  },
  "mainSteps": [
    {"action": "aws:runShellScript", "name": "aws:runShellScript",
     "inputs": {"runCommand": "{{ commands }}", "workingDirectory": "{{ workingDirectory }}", "timeoutSeconds": "{{ executionTimeout }}"}}
  ]
}`

// builtins are the documents of Amazon's that there are.
func builtins() []document {
	of := func(name, text string) document {
		return document{
			Name: name, Owner: "Amazon", Default: 1,
			Versions: []docVersion{{Number: 1, Format: "JSON", Content: text, Created: time.Date(2016, 12, 1, 0, 0, 0, 0, time.UTC)}},
		}
	}
	return []document{of("AWS-RunShellScript", shellDocument), of(runPatchBaseline, patchDocumentText)}
}

// lookup finds a document by name or ARN.
func lookup(tx *world.Tx, name *string) (document, error) {
	n := aws.ToString(name)
	if strings.HasPrefix(n, "arn:") {
		n = n[strings.LastIndex(n, "/")+1:]
	}
	for _, d := range builtins() {
		if d.Name == n {
			return d, nil
		}
	}
	if d, ok := documents(tx).Get(n); ok {
		return d, nil
	}
	if strings.HasPrefix(n, "AWS-") || strings.HasPrefix(n, "AWS") && strings.Contains(n, "-") {
		return document{}, unmodelled("the document " + n)
	}
	return document{}, noDocument(n)
}

// version finds a version by number, $LATEST, $DEFAULT or name.
func (d document) version(number, name *string) (docVersion, error) {
	want := aws.ToString(number)
	switch {
	case want == "$LATEST":
		return d.Versions[len(d.Versions)-1], nil
	case aws.ToString(name) != "":
		for _, v := range d.Versions {
			if v.Name == *name {
				return v, nil
			}
		}
		return docVersion{}, wire.Errorf("InvalidDocumentVersion", "Document version %s does not exist.", *name)
	case want == "" || want == "$DEFAULT":
		want = strconv.Itoa(d.Default)
	}
	for _, v := range d.Versions {
		if strconv.Itoa(v.Number) == want {
			return v, nil
		}
	}
	return docVersion{}, wire.Errorf("InvalidDocumentVersion", "Document version %s does not exist.", want)
}

func checkFormat(kind types.DocumentType, format types.DocumentFormat, text string) (string, error) {
	if kind != "" && kind != types.DocumentTypeCommand {
		return "", unmodelled("documents of type " + string(kind))
	}
	f := string(format)
	if f == "" {
		f = "JSON"
	}
	if f != "JSON" && f != "YAML" {
		return "", unmodelled("documents in the format " + f)
	}
	if len(text) > 64*1024 {
		return "", wire.Errorf("MaxDocumentSizeExceeded", "The size limit of a document is 64 KB.")
	}
	_, err := parse(text, f)
	return f, err
}

// CreateDocument makes a command document.
func (s *Service) CreateDocument(tx *world.Tx, in *ssm.CreateDocumentInput) (*ssm.CreateDocumentOutput, error) {
	name := aws.ToString(in.Name)
	lower := strings.ToLower(name)
	switch {
	case len(name) < 3 || len(name) > 128 || strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.-", r))
	}):
		return nil, invalid("1 validation error detected: Value '%s' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9_\\-.]{3,128}$", name)
	case strings.HasPrefix(lower, "aws") || strings.HasPrefix(lower, "amazon") || strings.HasPrefix(lower, "amzn"):
		return nil, invalid("Document name %s uses a prefix that is reserved.", name)
	case len(in.Attachments) > 0 || len(in.Requires) > 0:
		return nil, unmodelled("documents with attachments or requirements")
	}
	if _, ok := documents(tx).Get(name); ok {
		return nil, wire.Errorf("DocumentAlreadyExists", "Document with same name %s already exists", name)
	}
	format, err := checkFormat(in.DocumentType, in.DocumentFormat, aws.ToString(in.Content))
	if err != nil {
		return nil, err
	}
	d := document{Name: name, Owner: tx.Account, Target: aws.ToString(in.TargetType), Default: 1, Tags: tagMap(in.Tags),
		Versions: []docVersion{{Number: 1, Name: aws.ToString(in.VersionName), Format: format, Content: aws.ToString(in.Content), Created: tx.Now}}}
	documents(tx).Put(name, d)
	tx.Event("document.created", map[string]any{"name": name, "hash": d.Versions[0].hash()})
	return &ssm.CreateDocumentOutput{DocumentDescription: describeDocument(d, d.Versions[0])}, nil
}

// UpdateDocument makes a new version, which does not become the default.
func (s *Service) UpdateDocument(tx *world.Tx, in *ssm.UpdateDocumentInput) (*ssm.UpdateDocumentOutput, error) {
	d, err := lookup(tx, in.Name)
	if err != nil {
		return nil, err
	}
	latest := d.Versions[len(d.Versions)-1]
	if d.Owner == "Amazon" {
		return nil, wire.Errorf("InvalidDocumentOperation", "The document %s is owned by Amazon.", d.Name)
	}
	if v := aws.ToString(in.DocumentVersion); v != "" && v != "$LATEST" && v != strconv.Itoa(latest.Number) {
		return nil, wire.Errorf("InvalidDocumentVersion", "The document version is not valid or does not exist.")
	}
	format, err := checkFormat(types.DocumentTypeCommand, orElse(in.DocumentFormat, types.DocumentFormat(latest.Format)), aws.ToString(in.Content))
	if err != nil {
		return nil, err
	}
	for _, v := range d.Versions {
		switch {
		case v.Content == aws.ToString(in.Content):
			return nil, wire.Errorf("DuplicateDocumentContent", "The content of the association document matches another document. Change the content of the document and try again.")
		case in.VersionName != nil && v.Name == *in.VersionName:
			return nil, wire.Errorf("DuplicateDocumentVersionName", "The version name has already been used in this document. Specify a different version name, and then try again.")
		}
	}
	next := docVersion{Number: latest.Number + 1, Name: aws.ToString(in.VersionName), Format: format, Content: aws.ToString(in.Content), Created: tx.Now}
	d.Versions = append(slices.Clone(d.Versions), next)
	documents(tx).Put(d.Name, d)
	return &ssm.UpdateDocumentOutput{DocumentDescription: describeDocument(d, next)}, nil
}

// UpdateDocumentDefaultVersion chooses the default version.
func (s *Service) UpdateDocumentDefaultVersion(tx *world.Tx, in *ssm.UpdateDocumentDefaultVersionInput) (*ssm.UpdateDocumentDefaultVersionOutput, error) {
	d, err := lookup(tx, in.Name)
	if err != nil {
		return nil, err
	}
	v, err := d.version(in.DocumentVersion, nil)
	if err != nil {
		return nil, err
	}
	d.Default = v.Number
	documents(tx).Put(d.Name, d)
	return &ssm.UpdateDocumentDefaultVersionOutput{Description: &types.DocumentDefaultVersionDescription{Name: &d.Name, DefaultVersion: aws.String(strconv.Itoa(v.Number))}}, nil
}

// DeleteDocument removes a document, or one version that is not the default.
func (s *Service) DeleteDocument(tx *world.Tx, in *ssm.DeleteDocumentInput) (*ssm.DeleteDocumentOutput, error) {
	d, err := lookup(tx, in.Name)
	if err != nil {
		return nil, err
	}
	if d.Owner == "Amazon" {
		return nil, wire.Errorf("InvalidDocumentOperation", "The document %s is owned by Amazon.", d.Name)
	}
	if in.DocumentVersion == nil && in.VersionName == nil {
		documents(tx).Delete(d.Name)
		tx.Event("document.deleted", map[string]any{"name": d.Name})
		return &ssm.DeleteDocumentOutput{}, nil
	}
	v, err := d.version(in.DocumentVersion, in.VersionName)
	if err != nil {
		return nil, err
	}
	if v.Number == d.Default {
		return nil, wire.Errorf("InvalidDocumentOperation", "The default version of a document cannot be deleted.")
	}
	d.Versions = slices.DeleteFunc(slices.Clone(d.Versions), func(w docVersion) bool { return w.Number == v.Number })
	documents(tx).Put(d.Name, d)
	return &ssm.DeleteDocumentOutput{}, nil
}
