# Programs that tests use and pip cannot install; sourced by scripts/test, after venv.sh.
#
# ensure_programs installs Debian's packages for those that are missing, where that can be done:
# as root, with apt-get. Elsewhere, and with CLIPAD_SYSTEM_PACKAGES=no, nothing happens, and the
# tests that need one say so as they are skipped. No service is started by the installation.

_has_program() { # $1: a program
  command -v "$1" >/dev/null 2>&1
}

_missing_packages() {
  # Without fonts Chromium draws boxes.
  _has_program chromium || printf 'chromium fonts-dejavu-core '
  _has_program nginx || printf 'nginx '
  _has_program initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || printf 'postgresql '
}

_install_packages() ( # $@: packages; a subshell, so that the policy goes whatever happens
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e "$policy" ]]; then
    trap 'rm -f -- "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  _apt_get install "$@" || { _apt_get update && _apt_get install "$@"; }
) >"$VENV/clip-ad-system.log" 2>&1 </dev/null

_apt_get() {
  apt-get --yes --no-install-recommends "$@"
}

ensure_programs() {
  local packages
  [[ "${CLIPAD_SYSTEM_PACKAGES:-yes}" != no ]] || return 0
  packages="$(_missing_packages)"
  [[ -n "$packages" && "$EUID" == 0 ]] && _has_program apt-get || return 0
  say "installing Debian's ${packages}for tests (CLIPAD_SYSTEM_PACKAGES=no: not)"
  # shellcheck disable=SC2086 # several words are wanted
  _install_packages $packages ||
    say "this failed (see $VENV/clip-ad-system.log); the tests that need them are skipped"
}
