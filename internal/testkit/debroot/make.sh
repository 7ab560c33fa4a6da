# Makes ROOT: Debian SUITE from the release pocket alone, so that its security
# updates are pending, with the lists of all its pockets. Runs in mount and pid
# namespaces of its own, so nothing stays mounted.
set -eu
root=$1 suite=$2
mount --make-rprivate /
keyring=
[ ! -e /usr/share/keyrings/debian-archive-keyring.gpg ] || keyring=--keyring=/usr/share/keyrings/debian-archive-keyring.gpg
debootstrap --variant=minbase $keyring "$suite" "$root" "$MAIN"
cat >"$root/etc/apt/sources.list" <<SOURCES
deb $MAIN $suite main
deb $MAIN $suite-updates main
deb $SECURITY $suite-security main
SOURCES
[ -z "$PROXY" ] || printf '%s\n' "$PROXY" >"$root/etc/apt/apt.conf.d/00proxy"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
chroot "$root" apt-get -q update
chroot "$root" apt-get clean
rm -f "$root/etc/resolv.conf"
