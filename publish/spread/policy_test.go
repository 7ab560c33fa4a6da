package spread

import (
	"encoding/json"
	"strings"
	"testing"
)

const (
	keyARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	person = "arn:aws:iam::222222222222:role/ops/rehydrate"
)

var scaling = autoScaling("222222222222")

func TestAPolicyIsReadAsEC2WouldUseIt(t *testing.T) {
	allow := func(rest string) string { return `{"Effect":"Allow","Action":"kms:*","Resource":"*",` + rest + `}` }
	for name, c := range map[string]struct {
		statements string
		principal  string
		allowed    bool
		doubt      string
	}{
		"the role itself":                     {allow(`"Principal":{"AWS":"` + person + `"}`), person, true, ""},
		"another role":                        {allow(`"Principal":{"AWS":"` + scaling + `"}`), person, false, ""},
		"the account, for a role":             {allow(`"Principal":{"AWS":"arn:aws:iam::222222222222:root"}`), person, true, ""},
		"the account by its id":               {allow(`"Principal":{"AWS":["222222222222"]}`), person, true, ""},
		"the account, for Auto Scaling":       {allow(`"Principal":{"AWS":"arn:aws:iam::222222222222:root"}`), scaling, false, ""},
		"Auto Scaling itself":                 {allow(`"Principal":{"AWS":["x","` + scaling + `"]}`), scaling, true, ""},
		"everybody":                           {allow(`"Principal":"*"`), scaling, true, ""},
		"everybody of AWS":                    {allow(`"Principal":{"AWS":"*"}`), scaling, true, ""},
		"a service":                           {allow(`"Principal":{"Service":"ec2.amazonaws.com"}`), scaling, false, ""},
		"everybody but some, which allows":    {allow(`"NotPrincipal":{"AWS":"x"}`), scaling, false, ""},
		"through EC2 here":                    {allow(`"Principal":"*","Condition":{"StringEquals":{"kms:ViaService":"ec2.eu-west-1.amazonaws.com","kms:CallerAccount":"222222222222"}}`), scaling, true, ""},
		"through EC2 elsewhere":               {allow(`"Principal":"*","Condition":{"StringEquals":{"kms:ViaService":"ec2.us-east-1.amazonaws.com"}}`), scaling, false, ""},
		"for AWS resources":                   {allow(`"Principal":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":true}}`), scaling, true, ""},
		"for a role by its ARN":               {allow(`"Principal":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/aws-service-role/*"}}`), scaling, true, ""},
		"by what cannot be known":             {allow(`"Sid":"Org","Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`), scaling, false, "Org"},
		"by an operator that is not known":    {allow(`"Principal":"*","Condition":{"ForAnyValue:StringLike":{"aws:PrincipalArn":"*"}}`), scaling, false, "statement 1"},
		"an action with a wildcard":           {`{"Effect":"Allow","Principal":"*","Action":["kms:Describe*","kms:Decr?pt"],"Resource":"*"}`, person, true, ""},
		"another action":                      {`{"Effect":"Allow","Principal":"*","Action":"kms:Encrypt","Resource":"*"}`, person, false, ""},
		"all actions but this":                {`{"Effect":"Allow","Principal":"*","NotAction":"kms:Decrypt","Resource":"*"}`, person, false, ""},
		"all actions but another":             {`{"Effect":"Allow","Principal":"*","NotAction":"kms:Delete*","Resource":"*"}`, person, true, ""},
		"another key":                         {`{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"arn:aws:kms:eu-west-1:111122223333:key/other"}`, person, false, ""},
		"denied after all":                    {allow(`"Principal":"*"`) + `,{"Effect":"Deny","Principal":{"AWS":"222222222222"},"Action":"kms:Decrypt","Resource":"*"}`, scaling, false, ""},
		"denied to all but it":                {allow(`"Principal":"*"`) + `,{"Effect":"Deny","NotPrincipal":{"AWS":"` + scaling + `"},"Action":"*","Resource":"*"}`, scaling, true, ""},
		"denied to all but another":           {allow(`"Principal":"*"`) + `,{"Effect":"Deny","NotPrincipal":{"AWS":"` + person + `"},"Action":"*","Resource":"*"}`, scaling, false, ""},
		"denied under what cannot be known":   {allow(`"Principal":"*"`) + `,{"Sid":"VPC","Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}}`, scaling, true, "VPC"},
		"denied unless through EC2, as it is": {allow(`"Principal":"*"`) + `,{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"kms:ViaService":"ec2.eu-west-1.amazonaws.com"}}}`, scaling, true, ""},
		"no statement":                        {``, person, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := parsePolicy(`{"Version":"2012-10-17","Statement":[` + c.statements + `]}`)
			if err != nil {
				t.Fatal(err)
			}
			v := p.judge(use{c.principal, "kms:Decrypt", keyARN, "eu-west-1"})
			if v.allowed != c.allowed || strings.Join(v.doubt, ",") != c.doubt {
				t.Errorf("%+v, want %t with doubt %q", v, c.allowed, c.doubt)
			}
		})
	}
}

func TestTheStatementsThatAreOfferedAreEnough(t *testing.T) {
	p, err := parsePolicy(`{"Statement":[` + Statements([]string{person, scaling}) + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{person, scaling} {
		for _, ops := range [][]string{sameKey, fromKey, toKey, freshKey} {
			for _, op := range ops {
				if v := p.judge(use{who, "kms:" + op, keyARN, "eu-west-1"}); !v.allowed {
					t.Errorf("%s may not %s", who, op)
				}
			}
		}
	}
	if v := p.judge(use{autoScaling("333333333333"), "kms:Decrypt", keyARN, "eu-west-1"}); v.allowed {
		t.Error("others may, too")
	}
}

func TestAPolicyThatCannotBeReadIsAnError(t *testing.T) {
	for _, text := range []string{"", "[]", `{"Statement":[{"Action":5}]}`, `{"Statement":` + strings.Repeat(" ", policyLimit) + `[]}`} {
		if _, err := parsePolicy(text); err == nil {
			t.Errorf("%.40q was read", text)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	for _, s := range []string{`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}]}`,
		`{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":["a"]},"NotAction":["[a-","\\"],"Resource":["*?*?*?*"],"Condition":{"Bool":{"kms:GrantIsForAWSResource":[true,"false"]}}}]}`,
		`{"Statement":[` + Statements([]string{person}) + `]}`, `{"Statement":null}`, `{"Statement":[{"Principal":{"AWS":7}}]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePolicy(text)
		if err != nil {
			return
		}
		v := p.judge(use{scaling, "kms:Decrypt", keyARN, "eu-west-1"})
		if v.allowed && (v.denied || !strings.Contains(text, "llow")) {
			t.Errorf("%s is read as %+v", text, v)
		}
		if !json.Valid([]byte(text)) {
			t.Errorf("%q is no JSON, and was read", text)
		}
	})
}
