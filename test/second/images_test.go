package second

import (
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

const other = "444455556666"

// as is the CLI of another account.
func (c *cli) as(account string) *cli {
	o := *c
	o.env = append(append([]string{}, c.env...), "AWS_ACCESS_KEY_ID="+account)
	return &o
}

func TestTheAWSCLICopiesSharesAndRetiresAnImage(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	id := c.run("ec2", "copy-image", "--name", "golden-1", "--source-image-id", image, "--source-region", wiretest.Region, "--copy-image-tags", "--query", "ImageId")
	c.expect("pending", "ec2", "describe-images", "--image-ids", id, "--query", "Images[].State")
	c.expect("(InvalidAMIID.NotFound)...", "ec2", "copy-image", "--name", "golden-2", "--source-image-id", "ami-0000000000000dead", "--source-region", wiretest.Region)
	c.step(6e12)
	c.expect("golden-1 available "+image, "ec2", "describe-images", "--image-ids", id, "--query", "Images[].[Name,State,SourceImageId]")

	// Shared with an account, which may launch it and not share it on.
	c.expect("", "ec2", "modify-image-attribute", "--image-id", id, "--launch-permission", "Add=[{UserId="+other+"}]")
	c.expect(other, "ec2", "describe-image-attribute", "--image-id", id, "--attribute", "launchPermission", "--query", "LaunchPermissions[].UserId")
	o := c.as(other)
	o.expect(id, "ec2", "describe-images", "--executable-users", "self", "--query", "Images[].ImageId")
	o.expect("(AuthFailure)...", "ec2", "modify-image-attribute", "--image-id", id, "--launch-permission", "Add=[{UserId=777788889999}]")
	c.expect("(InvalidAMIAttributeItemValue)...", "ec2", "modify-image-attribute", "--image-id", id, "--launch-permission", "Add=[{UserId=12}]")

	// Deprecated, and hidden from others only.
	c.expect("True", "ec2", "enable-image-deprecation", "--image-id", id, "--deprecate-at", "2030-01-01T00:00:00Z", "--query", "Return")
	c.expect("2030-01-01T00:00:00.000Z", "ec2", "describe-images", "--image-ids", id, "--query", "Images[].DeprecationTime")
	c.expect("(InvalidParameterValue)...", "ec2", "enable-image-deprecation", "--image-id", id, "--deprecate-at", "2001-01-01T00:00:00Z")
	c.expect("True", "ec2", "disable-image-deprecation", "--image-id", id, "--query", "Return")
	c.expect("", "ec2", "describe-images", "--image-ids", id, "--query", "Images[].DeprecationTime")

	// Protected from deregistration.
	c.expect("true", "ec2", "enable-image-deregistration-protection", "--image-id", id, "--query", "Return")
	c.expect("(OperationNotPermitted)...", "ec2", "deregister-image", "--image-id", id)
	c.expect("true", "ec2", "disable-image-deregistration-protection", "--image-id", id, "--query", "Return")

	// Disabled: nobody launches it, and it is shared with nobody any more.
	c.expect("True", "ec2", "disable-image", "--image-id", id, "--query", "Return")
	c.expect("(InvalidAMIID.Unavailable)...", "ec2", "run-instances", "--image-id", id, "--instance-type", "t3.micro")
	o.expect("(InvalidAMIID.NotFound)...", "ec2", "describe-images", "--image-ids", id)
	c.expect("True", "ec2", "enable-image", "--image-id", id, "--query", "Return")
	c.expect("None", "ec2", "describe-image-attribute", "--image-id", id, "--attribute", "launchPermission", "--query", "LaunchPermissions[0]")
	c.expect("(InvalidSnapshot.NotFound)...", "ec2", "modify-snapshot-attribute", "--snapshot-id", "snap-00000000000000000", "--attribute", "createVolumePermission", "--operation-type", "add", "--user-ids", other)

	c.expect("True", "ec2", "deregister-image", "--image-id", id, "--query", "Return")
	c.expect("(InvalidAMIID.Unavailable)...", "ec2", "deregister-image", "--image-id", id)
}

func TestTheAWSCLIReplacesARootVolume(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	node := c.launch("db")
	volume := c.run("ec2", "describe-instances", "--instance-ids", node, "--query", "Reservations[].Instances[].BlockDeviceMappings[].Ebs.VolumeId")
	if !strings.HasPrefix(volume, "vol-") {
		t.Fatal(volume)
	}
	copied := c.run("ec2", "copy-image", "--name", "golden-1", "--source-image-id", image, "--source-region", wiretest.Region, "--query", "ImageId")
	c.expect("(InvalidAMIID.Unavailable)...", "ec2", "create-replace-root-volume-task", "--instance-id", node, "--image-id", copied)
	c.step(6e12)
	c.expect("(InvalidInstanceID.NotFound)...", "ec2", "create-replace-root-volume-task", "--instance-id", "i-00000000000000000", "--image-id", copied)
	task := c.run("ec2", "create-replace-root-volume-task", "--instance-id", node, "--image-id", copied, "--delete-replaced-root-volume", "--query", "ReplaceRootVolumeTask.ReplaceRootVolumeTaskId")
	c.until("the new volume", func() bool {
		c.step(6e10)
		return c.run("ec2", "describe-replace-root-volume-tasks", "--replace-root-volume-task-ids", task, "--query", "ReplaceRootVolumeTasks[].TaskState") == "succeeded"
	})
	c.expect(node+" "+copied+" True", "ec2", "describe-replace-root-volume-tasks", "--replace-root-volume-task-ids", task, "--query", "ReplaceRootVolumeTasks[].[InstanceId,ImageId,DeleteReplacedRootVolume]")
	c.expect("running", "ec2", "describe-instances", "--instance-ids", node, "--query", "Reservations[].Instances[].State.Name")
	if now := c.run("ec2", "describe-instances", "--instance-ids", node, "--query", "Reservations[].Instances[].BlockDeviceMappings[].Ebs.VolumeId"); now == volume || !strings.HasPrefix(now, "vol-") {
		t.Errorf("the volume was %s and is %s", volume, now)
	}
	c.expect("(InvalidVolume.NotFound)...", "ec2", "describe-volumes", "--volume-ids", volume)
}
