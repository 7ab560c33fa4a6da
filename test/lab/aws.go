package lab

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// Region is where the worlds of all labs are.
const Region = "eu-west-1"

// AWS is a configuration of the SDK that leads to this lab's twin.
func (l *Lab) AWS() aws.Config {
	return aws.Config{Region: Region, BaseEndpoint: &l.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("twin", "twin", "")}
}

// Environment is what leads clients that read the environment to this lab's twin.
func (l *Lab) Environment() map[string]string {
	return map[string]string{"AWS_ENDPOINT_URL": l.Endpoint, "AWS_ACCESS_KEY_ID": "twin", "AWS_SECRET_ACCESS_KEY": "twin",
		"AWS_REGION": Region, "AWS_DEFAULT_REGION": Region, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
}

// Setenv leads clients in this process to this lab's twin until the test ends.
func (l *Lab) Setenv(t *testing.T) {
	t.Helper()
	for name, value := range l.Environment() {
		t.Setenv(name, value)
	}
}

// commandLimit is how long a command on an instance may take.
const commandLimit = 3 * time.Minute

// Shell runs a script on an instance by Systems Manager's Run Command and returns
// what it printed.
func (l *Lab) Shell(t testing.TB, instance, script string) string {
	t.Helper()
	c := ssm.NewFromConfig(l.AWS())
	sent, err := c.SendCommand(t.Context(), &ssm.SendCommandInput{
		DocumentName: aws.String("AWS-RunShellScript"), InstanceIds: []string{instance},
		Parameters: map[string][]string{"commands": {script}},
	})
	if err != nil {
		t.Fatalf("run a command on %s: %v", instance, err)
	}
	for end := time.Now().Add(commandLimit); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		out, err := c.GetCommandInvocation(t.Context(), &ssm.GetCommandInvocationInput{CommandId: sent.Command.CommandId, InstanceId: &instance})
		if errors.As(err, new(*types.InvocationDoesNotExist)) {
			continue // the command has not reached the instance, as on AWS
		}
		if err != nil {
			t.Fatalf("ask for the command on %s: %v", instance, err)
		}
		switch out.Status {
		case types.CommandInvocationStatusPending, types.CommandInvocationStatusInProgress, types.CommandInvocationStatusDelayed:
		case types.CommandInvocationStatusSuccess:
			return aws.ToString(out.StandardOutputContent)
		default:
			t.Fatalf("the command on %s: %s\n%s\n%s", instance, out.Status, aws.ToString(out.StandardOutputContent), aws.ToString(out.StandardErrorContent))
		}
	}
	t.Fatalf("the command on %s has not ended in %s", instance, commandLimit)
	return ""
}
