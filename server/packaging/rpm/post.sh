if ! getent passwd conclave >/dev/null; then
    if command -v systemd-sysusers >/dev/null; then
        systemd-sysusers conclave.conf
    else
        useradd --system --user-group --home-dir /var/lib/conclave --no-create-home \
            --shell /sbin/nologin --comment Conclave conclave
    fi
fi
chown root:conclave /etc/conclave/conclave.toml
chmod 0640 /etc/conclave/conclave.toml
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
    sysctl --quiet --load=/usr/lib/sysctl.d/60-conclave.conf || true
    # $1 is 1 at the first installation, and 2 or more at an upgrade.
    if [ "$1" -ge 2 ]; then
        systemctl try-restart conclave.service || true
    fi
fi
