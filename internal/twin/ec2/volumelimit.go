package ec2

import (
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// bounds are what a volume type allows ("EbsBlockDevice", API Reference; ratios: "Amazon
// EBS volume types", EBS User Guide). Zero: the parameter is not supported.
type bounds struct {
	minSize, maxSize int32 // GiB
	minIOPS, maxIOPS int32
	ratio            int32 // most IOPS a GiB
	throughput       bool  // may be chosen
	boots            bool  // can be a root volume
}

func boundsOf(kind string) (bounds, bool) {
	switch types.VolumeType(kind) {
	case types.VolumeTypeGp2:
		return bounds{minSize: 1, maxSize: 16384, boots: true}, true
	case types.VolumeTypeGp3:
		return bounds{minSize: 1, maxSize: 65536, minIOPS: baseIOPS, maxIOPS: 80000, ratio: 500, throughput: true, boots: true}, true
	case types.VolumeTypeIo1:
		return bounds{minSize: 4, maxSize: 16384, minIOPS: 100, maxIOPS: 64000, ratio: 50, boots: true}, true
	case types.VolumeTypeIo2:
		return bounds{minSize: 4, maxSize: 65536, minIOPS: 100, maxIOPS: 256000, ratio: 1000, boots: true}, true
	case types.VolumeTypeSt1, types.VolumeTypeSc1:
		return bounds{minSize: 125, maxSize: 16384}, true
	case types.VolumeTypeStandard:
		return bounds{minSize: 1, maxSize: 1024, boots: true}, true
	}
	return bounds{}, false
}

// What every gp3 volume has ("Amazon EBS volume types", EBS User Guide); throughput in
// MiB/s, and at most a quarter of it for each IOPS.
const (
	baseIOPS       = 3000
	baseThroughput = 125
	maxThroughput  = 2000
)

// check refuses what no volume can be; root: the instance boots from it. AWS says so
// when a volume or an image is made: templates are not looked at ("Launch template
// parameters are not fully validated when you create the launch template", EC2 User
// Guide), but a launch from one fails.
func (d Disk) check(root bool) error {
	b, ok := boundsOf(d.Type)
	switch {
	case !ok:
		return badValue("Invalid value '%s' for volumeType", d.Type)
	case root && !b.boots:
		return badValue("The volume type '%s' cannot be used for the root device %s", d.Type, d.Device)
	case d.Size > b.maxSize:
		return badValue("Volume of %dGiB is too large for volume type %s; maximum is %dGiB", d.Size, d.Type, b.maxSize)
	case d.Size < b.minSize:
		return badValue("Volume of %dGiB is too small for volume type %s; minimum is %dGiB", d.Size, d.Type, b.minSize)
	case b.maxIOPS == 0 && d.IOPS != 0:
		return badCombination("The parameter iops is not supported for %s volumes.", d.Type)
	case b.maxIOPS != 0 && d.IOPS == 0 && !b.throughput:
		return wire.Errorf("MissingParameter", "The parameter iops must be specified for %s volumes.", d.Type)
	case d.IOPS != 0 && d.IOPS < b.minIOPS:
		return badValue("Volume iops of %d is too low; minimum is %d.", d.IOPS, b.minIOPS)
	case d.IOPS > b.maxIOPS:
		return badValue("Volume iops of %d is too high; maximum is %d.", d.IOPS, b.maxIOPS)
	case d.IOPS > baseIOPS && b.throughput && d.IOPS > b.ratio*d.Size, !b.throughput && d.IOPS > b.ratio*d.Size:
		return badValue("Iops to volume size ratio of %f is too high; maximum is %d", float64(d.IOPS)/float64(d.Size), b.ratio)
	case d.Throughput != 0 && !b.throughput:
		return badCombination("The parameter throughput is not supported for %s volumes.", d.Type)
	case d.Throughput != 0 && (d.Throughput < baseThroughput || d.Throughput > maxThroughput):
		return badValue("Volume throughput of %d is not valid; it must be between %d and %d MiB/s", d.Throughput, baseThroughput, maxThroughput)
	case d.Throughput > max(d.IOPS, baseIOPS)/4:
		return badValue("Throughput (MiBps) to iops ratio of %f is too high; maximum is 0.250000", float64(d.Throughput)/float64(max(d.IOPS, baseIOPS)))
	}
	return nil
}

// performance is what DescribeVolumes shows: gp2's baseline comes from its size (three
// IOPS a GiB), magnetic and HDD volumes have none.
func (v Volume) performance() (iops, throughput *int32) {
	n, t := v.IOPS, v.Throughput
	switch types.VolumeType(v.Type) {
	case types.VolumeTypeGp2:
		n = min(max(3*v.Size, 100), 16000)
	case types.VolumeTypeGp3:
		n, t = max(n, baseIOPS), max(t, baseThroughput)
	}
	return number(n), number(t)
}

// number is nil for zero: AWS leaves out what a volume does not have.
func number(n int32) *int32 {
	if n == 0 {
		return nil
	}
	return &n
}

// disk is a volume as an image or a successor has it.
func (v Volume) disk() Disk {
	return Disk{
		Device: v.Device, Snapshot: v.Snapshot, Size: v.Size, Type: v.Type, IOPS: v.IOPS, Throughput: v.Throughput,
		Encrypted: v.Encrypted, Key: v.Key, DeleteOnTermination: !v.Keep,
	}
}
