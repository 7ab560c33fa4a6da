package twinsdk

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ebs"
	ebstypes "github.com/aws/aws-sdk-go-v2/service/ebs/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
)

// apis are one attempt each: whether a call was acknowledged must be plain.
type apis struct {
	systems *ssm.Client
	compute *ec2.Client
	objects *s3.Client
	blocks  *ebs.Client

	endpoint string
}

func newAPIs(endpoint string) *apis {
	c := aws.Config{Region: region, BaseEndpoint: &endpoint, HTTPClient: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
		Credentials: credentials.NewStaticCredentialsProvider("twin", "twin", ""), Retryer: func() aws.Retryer { return aws.NopRetryer{} }}
	return &apis{ssm.NewFromConfig(c), ec2.NewFromConfig(c), s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = true }), ebs.NewFromConfig(c), endpoint}
}

// already takes an error that says that a thing is there for none, where it may be.
func already(err error, again bool, code string) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok && again && api.ErrorCode() == code {
		return nil
	}
	return err
}

func killWriters() []*writer {
	return []*writer{
		{name: "parameters", next: parameter}, {name: "history", next: history(90)}, {name: "objects", next: object},
		{name: "versions", next: templateVersion()}, {name: "instances", next: instance}, {name: "tags", next: tag}, {name: "blocks", next: block()},
		{name: "parts", next: part()},
	}
}

// parameter makes a parameter that must not be there yet.
func parameter(n int) op {
	name, value := fmt.Sprintf("/kill/p%d", n), fmt.Sprintf("value %d", n)
	return op{
		name,
		func(a *apis, again bool) error {
			_, err := a.systems.PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: &value, Type: ssmtypes.ParameterTypeString})
			return already(err, again, "ParameterAlreadyExists")
		},
		func(a *apis) error {
			out, err := a.systems.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
			if err == nil && (*out.Parameter.Value != value || out.Parameter.Version != 1) {
				err = fmt.Errorf("it is %q, version %d", *out.Parameter.Value, out.Parameter.Version)
			}
			return err
		},
	}
}

// history writes parameters anew; each acknowledged version keeps its number. After
// turn versions it begins with another parameter: AWS keeps 100.
func history(turn int) func(n int) op {
	return func(n int) op {
		name, value := fmt.Sprintf("/kill/h%d", n/turn), fmt.Sprintf("value %d", n)
		var version int64
		return op{
			fmt.Sprintf("%s=%s", name, value),
			func(a *apis, _ bool) error {
				out, err := a.systems.PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: &value, Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true)})
				if err == nil {
					version = out.Version
				}
				return err
			},
			func(a *apis) error {
				out, err := a.systems.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(name + ":" + strconv.FormatInt(version, 10))})
				if err == nil && *out.Parameter.Value != value {
					err = fmt.Errorf("version %d is %q", version, *out.Parameter.Value)
				}
				return err
			},
		}
	}
}

// bucket makes one.
func bucket(name string) op {
	return op{
		"bucket " + name,
		func(a *apis, again bool) error {
			_, err := a.objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}})
			return already(err, again, "BucketAlreadyOwnedByYou")
		},
		func(a *apis) error {
			_, err := a.objects.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
			return err
		},
	}
}

// object writes objects that must not be there yet.
func object(n int) op {
	if n == 0 {
		return bucket("killed")
	}
	key := fmt.Sprintf("runs/%d.json", n)
	body := strings.Repeat(key+"\n", 1+n%500)
	return op{
		key,
		func(a *apis, again bool) error {
			_, err := a.objects.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("killed"), Key: &key, Body: strings.NewReader(body), IfNoneMatch: aws.String("*")})
			return already(err, again, "PreconditionFailed")
		},
		func(a *apis) error { return holds(a, "killed", key, body) },
	}
}

func holds(a *apis, bucket, key, body string) error {
	out, err := a.objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	defer out.Body.Close()
	got, err := io.ReadAll(out.Body)
	if err == nil && string(got) != body {
		err = fmt.Errorf("it has %d bytes of %d, or others", len(got), len(body))
	}
	return err
}

// templateVersion makes versions of a template with tokens: one that was made before
// the kill is the same version after it.
func templateVersion() func(n int) op {
	data := &ec2types.RequestLaunchTemplateData{ImageId: aws.String(ami), InstanceType: "t3.micro"}
	return func(n int) op {
		text, token := fmt.Sprintf("version %d", n+1), fmt.Sprintf("token-%d", n)
		var number int64
		return op{
			text,
			func(a *apis, _ bool) error {
				if n == 0 {
					out, err := a.compute.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("killed"), VersionDescription: &text, ClientToken: &token, LaunchTemplateData: data})
					if err == nil {
						number = *out.LaunchTemplate.LatestVersionNumber
					}
					return err
				}
				out, err := a.compute.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateName: aws.String("killed"), VersionDescription: &text, ClientToken: &token, LaunchTemplateData: data})
				if err == nil {
					number = *out.LaunchTemplateVersion.VersionNumber
				}
				return err
			},
			func(a *apis) error {
				out, err := a.compute.DescribeLaunchTemplateVersions(ctx, &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateName: aws.String("killed"), Versions: []string{strconv.FormatInt(number, 10)}})
				if err == nil && (number != int64(n+1) || *out.LaunchTemplateVersions[0].VersionDescription != text) {
					err = fmt.Errorf("version %d is %q", number, *out.LaunchTemplateVersions[0].VersionDescription)
				}
				return err
			},
		}
	}
}

// instance launches with tokens: there is exactly one instance of each.
func instance(n int) op {
	name := fmt.Sprintf("instance %d", n)
	id := ""
	return op{
		name,
		func(a *apis, _ bool) error {
			out, err := a.compute.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: aws.String(ami), InstanceType: "t3.micro", MinCount: aws.Int32(1), MaxCount: aws.Int32(1), ClientToken: &name,
				TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance, Tags: []ec2types.Tag{{Key: aws.String("n"), Value: &name}}}}})
			if err == nil {
				id = *out.Instances[0].InstanceId
			}
			return err
		},
		func(a *apis) error {
			out, err := a.compute.DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{{Name: aws.String("tag:n"), Values: []string{name}}}})
			if err == nil && (len(out.Reservations) != 1 || *out.Reservations[0].Instances[0].InstanceId != id) {
				err = fmt.Errorf("there are %d of it, and not only %s", len(out.Reservations), id)
			}
			return err
		},
	}
}

// tag sets tags of the image and removes those of twenty before.
func tag(n int) op {
	key, value := fmt.Sprintf("t%d", n), fmt.Sprint(n)
	return op{
		key,
		func(a *apis, _ bool) error {
			if n >= 20 { // an image has at most 50
				old := fmt.Sprintf("t%d", n-20)
				if _, err := a.compute.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{ami}, Tags: []ec2types.Tag{{Key: &old}}}); err != nil {
					return err
				}
			}
			_, err := a.compute.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{ami}, Tags: []ec2types.Tag{{Key: &key, Value: &value}}})
			return err
		},
		func(a *apis) error {
			out, err := a.compute.DescribeTags(ctx, &ec2.DescribeTagsInput{Filters: []ec2types.Filter{{Name: aws.String("resource-id"), Values: []string{ami}}}})
			if err != nil {
				return err
			}
			newest, found := -1, false
			for _, t := range out.Tags {
				k, _ := strconv.Atoi(strings.TrimPrefix(*t.Key, "t"))
				newest, found = max(newest, k), found || *t.Key == key && *t.Value == value
			}
			if gone := newest-20 >= n; gone == found && newest-19 != n { // what is under way removes that one first
				return fmt.Errorf("with %d as the newest, its being there is %v", newest, found)
			}
			return nil
		},
	}
}

const blockSize = 512 << 10

// block writes blocks of snapshots: eight, then the snapshot is completed.
func block() func(n int) op {
	const turn = 10
	id := ""
	return func(n int) op {
		token := fmt.Sprintf("snapshot-%d", n/turn)
		switch n % turn {
		case 0:
			mine := ""
			return op{
				token,
				func(a *apis, _ bool) error {
					out, err := a.blocks.StartSnapshot(ctx, &ebs.StartSnapshotInput{VolumeSize: aws.Int64(1), ClientToken: &token})
					if err == nil {
						id, mine = *out.SnapshotId, *out.SnapshotId
					}
					return err
				},
				func(a *apis) error {
					_, err := a.compute.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{SnapshotIds: []string{mine}})
					return err
				},
			}
		case turn - 1:
			mine := id
			return op{
				token + " is complete",
				func(a *apis, again bool) error {
					_, err := a.blocks.CompleteSnapshot(ctx, &ebs.CompleteSnapshotInput{SnapshotId: &mine, ChangedBlocksCount: aws.Int32(turn - 2)})
					return already(err, again, "ValidationException")
				},
				func(a *apis) error {
					for k := range turn - 2 {
						if err := holdsBlock(a, mine, int32(k), blockText(n-turn+2+k)); err != nil {
							return err
						}
					}
					return nil
				},
			}
		}
		mine, index, text := id, int32(n%turn-1), blockText(n)
		return op{
			fmt.Sprintf("block %d of %s", index, token),
			func(a *apis, _ bool) error {
				sum := sha256.Sum256(text)
				_, err := a.blocks.PutSnapshotBlock(ctx, &ebs.PutSnapshotBlockInput{SnapshotId: &mine, BlockIndex: &index, BlockData: bytes.NewReader(text), DataLength: aws.Int32(blockSize),
					Checksum: aws.String(base64.StdEncoding.EncodeToString(sum[:])), ChecksumAlgorithm: ebstypes.ChecksumAlgorithmChecksumAlgorithmSha256})
				return err
			},
			func(*apis) error { return nil }, // read when the snapshot is complete, as AWS wants it
		}
	}
}

func blockText(n int) []byte { return bytes.Repeat([]byte{byte(n), byte(n >> 8)}, blockSize/2) }

func holdsBlock(a *apis, id string, index int32, want []byte) error {
	list, err := a.blocks.ListSnapshotBlocks(ctx, &ebs.ListSnapshotBlocksInput{SnapshotId: &id, StartingBlockIndex: &index, MaxResults: aws.Int32(100)})
	if err != nil {
		return err
	}
	if len(list.Blocks) == 0 || *list.Blocks[0].BlockIndex != index {
		return fmt.Errorf("block %d of %s is not listed", index, id)
	}
	out, err := a.blocks.GetSnapshotBlock(ctx, &ebs.GetSnapshotBlockInput{SnapshotId: &id, BlockIndex: &index, BlockToken: list.Blocks[0].BlockToken})
	if err != nil {
		return err
	}
	defer out.BlockData.Close()
	got, err := io.ReadAll(out.BlockData)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("block %d of %s has %d bytes, or others", index, id, len(got))
	}
	return err
}

// part uploads objects in three parts and completes them.
func part() func(n int) op {
	const turn = 5
	upload, etags := "", []string{}
	return func(n int) op {
		if n--; n < 0 {
			return bucket("parts")
		}
		key := fmt.Sprintf("parts/%d", n/turn)
		text := strings.Repeat(fmt.Sprintf("part %d of %s\n", n%turn, key), 300000)[:5<<20]
		switch k := n % turn; k {
		case 0:
			return op{
				"upload of " + key,
				func(a *apis, _ bool) error {
					out, err := a.objects.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String("parts"), Key: &key})
					if err == nil {
						upload, etags = *out.UploadId, nil
					}
					return err
				},
				func(*apis) error { return nil }, // its parts and its end say so
			}
		case turn - 1:
			id, parts := upload, []s3types.CompletedPart{}
			for i, e := range etags {
				parts = append(parts, s3types.CompletedPart{ETag: aws.String(e), PartNumber: aws.Int32(int32(i + 1))})
			}
			return op{
				key,
				func(a *apis, again bool) error {
					_, err := a.objects.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: aws.String("parts"), Key: &key, UploadId: &id, MultipartUpload: &s3types.CompletedMultipartUpload{Parts: parts}})
					return already(err, again, "NoSuchUpload")
				},
				func(a *apis) error {
					body := ""
					for i := 1; i < turn-1; i++ {
						body += strings.Repeat(fmt.Sprintf("part %d of %s\n", i, key), 300000)[:5<<20]
					}
					return holds(a, "parts", key, body)
				},
			}
		default:
			id := upload
			return op{
				fmt.Sprintf("part %d of %s", k, key),
				func(a *apis, _ bool) error {
					out, err := a.objects.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String("parts"), Key: &key, UploadId: &id, PartNumber: aws.Int32(int32(k)), Body: strings.NewReader(text)})
					if err == nil {
						etags = append(etags, *out.ETag)
					}
					return err
				},
				func(*apis) error { return nil },
			}
		}
	}
}
