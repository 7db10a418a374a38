# $1 is 0 when the package goes for good.
if [ "$1" -eq 0 ] && [ -d /run/systemd/system ]; then
    systemctl --no-reload disable --now conclave.service || true
fi
