# A container's inside, as `docker run --read-only --tmpfs /tmp --cap-drop ALL --network none
# --security-opt no-new-privileges` has it; runs in namespaces of its own (container.py).
#   $1 root  $2 user  $3 models  $4 data  $5... the command and its environment, for `env`
set -eu
root=$1 user=$2 models=$3 data=$4
shift 4
mount --bind "$root" "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
for node in null zero full random urandom; do
  : >"$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/shm"
mount -t tmpfs -o mode=1777,size=64m,nosuid,nodev,noexec tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=1777,nosuid,nodev,noexec tmpfs "$root/tmp"
mount --bind "$models" "$root/models"
mount --bind "$data" "$root/app/data"
mount -o remount,bind,ro "$root"
ip link set lo up
exec setpriv --no-new-privs chroot --userspec="$user" --groups= "$root" env -i "$@"
