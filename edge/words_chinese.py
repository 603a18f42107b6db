"""The same as in ``words``, in Chinese, for the technician's commands."""

from __future__ import annotations

from edge.events import ClockQuality, Show, Trouble
from edge.links import Phase
from edge.words import Lexicon, Words

NOT_ARMED = Words(
    "正在启动（灯灭）",
    "按钮尚未布防：按下不会被识别。",
    "请等几秒。若仍如此：journalctl -u gatepost",
)

TROUBLES: dict[Trouble, Words] = {
    Trouble.LOOP_OPEN: Words(
        "按钮线路断开",
        "按钮的两组触点都断开：线缆断了或插头松了。按下可能不会被识别。",
        "请立即检查按钮与树莓派之间的线缆和端子。",
    ),
    Trouble.LOOP_SHORT: Words(
        "按钮线路短路",
        "按钮的两组触点都闭合：两根线相碰，或进水。",
        "请立即检查按钮与树莓派之间的线缆和端子。",
    ),
    Trouble.KEY_STUCK: Words(
        "按钮或钥匙卡住",
        "按钮一直处于按下状态（若注明复位钥匙，则为钥匙未转回）。警情已发出；松开后才能识别下一次按下。",
        "请拉出按钮或转回钥匙。若已复位，请检查是否有脏物、线缆是否短路。",
    ),
    Trouble.EDGE_LOST: Words(
        "按钮识别偏慢",
        "按钮变化是轮询发现的，而不是由中断告知。按下仍有效，最多晚十分之一秒。",
        "请重启主程序（systemctl restart gatepost）。若再次出现，请检查接线并上报。",
    ),
    Trouble.STORE_IN_MEMORY: Words(
        "存储卡不可写",
        "存储卡已满、只读或损坏，事件只保存在内存中。警情照常发送，但断电会丢失尚未发出的内容。",
        "请检查剩余空间（df -h）和存储卡（dmesg）。变为只读的卡请更换。",
    ),
    Trouble.STORE_DAMAGED: Words(
        "事件记录损坏",
        "事件记录无法读取，已移到一旁并新建；工作继续。",
        "请保留移开的文件，并尽快更换存储卡。",
    ),
    Trouble.FAILURE_TO_COMMUNICATE: Words(
        "警情未得到确认",
        "警情已发出，但没有人及时确认。系统继续尝试。",
        "请电话报警，然后查看消息服务器的线路。",
    ),
    Trouble.PUBLISH_REFUSED: Words(
        "消息服务器拒收",
        "消息服务器不接收本校门的消息：权限不对，或县指挥中心没有订阅。",
        "请把这一行、校门名称和服务器名称告诉县管理员。",
    ),
    Trouble.BROKER_LOST: Words(
        "连不上消息服务器",
        "一分钟内未连上此服务器。警情会保留，并经其他服务器发送（如果有）。",
        "请检查网线或调制解调器。服务器那一行写有原因。",
    ),
    Trouble.CENTRE_LOST: Words(
        "县指挥中心未在接收",
        "消息服务器正常，但县指挥中心的程序没有在接收。警情保留到中心确认为止。",
        "请致电县指挥中心：他们的程序必须启动。",
    ),
    Trouble.LEDGER_UNSIGNED: Words(
        "警情和测试的记录与上报没有签名",
        "本机密钥无法使用，日后无法证明记录的真实性；要求签名的中心会把本机警情视为伪造。警情仍照常发出。",
        "请按下面一行的提示处理；下一个事件时会再试。然后运行：gatepost ledger verify。",
    ),
    Trouble.CENTRE_KEY_UNUSABLE: Words(
        "县指挥中心的公钥无法使用",
        "本机不相信中心的任何回复，指示灯不会显示“已收到”。警情仍照常发出。",
        "请把县里的公钥文件放到 centre.public_key_file；下次连接时重新读取。然后运行：gatepost doctor。",
    ),
    Trouble.SELFTEST_FAILED: Words(
        "自检失败",
        "最近一次全链路自检发现有一环不工作，名称见下一行。",
        "查看各环节（gatepost selftest links），修好失败的一环，然后再测试一次。",
    ),
    Trouble.CLOCK_UNSYNCED: Words(
        "时钟未校准",
        "时钟可能不准。警情照常发送，时间稍后更正。",
        "请检查网络和时间服务器（timedatectl）。",
    ),
    Trouble.CERTIFICATE_ENDING: Words(
        "校门证书即将到期或已到期",
        "到期后消息服务器不再让本校门登录。警情会保留，并走其他可用的途径。",
        "请立即向县里申请新证书：gatepost enrol。不必停机。",
    ),
    Trouble.EVENTS_DROPPED: Words(
        "旧的日常事件被丢弃",
        "等待的日常事件超过上限，最旧的被丢弃。没有丢弃任何警情。",
        "请查明为什么长时间连不上中心。",
    ),
    Trouble.SETTINGS_REFUSED: Words(
        "设置未被采用",
        "设置文件有错误，目前使用上一次有效的设置。",
        "请运行 gatepost config check FILE，按提示改正后重启。",
    ),
    Trouble.UPDATE_UNDONE: Words(
        "升级已撤回",
        "新版本没有通过验证，旧版本已恢复运行。",
        "请把详情告诉县里，查明后再升级。",
    ),
    Trouble.DUTY_LATE: Words(
        "程序的一部分停住了",
        "程序的一部分没有按时报告。若关系到按钮或指示灯，程序会自动重启。",
        "请查看日志（journalctl -u gatepost）并上报。",
    ),
    Trouble.SENSOR_FAULT: Words(
        "测温传感器应答不良",
        "红外传感器的读数失败过多。学生不测温；按钮不受影响。",
        "请插紧传感器的插头和接线（SDA 为 3 脚，SCL 为 5 脚），并运行：gatepost sensor watch。",
    ),
    Trouble.CAMERA_LOST: Words(
        "摄像头不见了",
        "无法看到是否有学生站在前面。传感器单独工作；按钮不受影响。",
        "请插紧摄像头的插头，并查看日志（journalctl -u gatepost-camera）。",
    ),
}

SHOWS: dict[Show, Words] = {
    Show.READY: Words("就绪（每 3 秒短闪一次）", "按钮已布防，没有报警。"),
    Show.TESTING: Words(
        "测试中（每 3 秒短闪三次）",
        "正在自检，或指挥中心打开了测试窗口。真实的按下仍是报警：按住按钮两秒，或按两次。",
    ),
    Show.TEST_RECEIVED: Words("测试已收到（慢闪：亮一秒，灭一秒）", "县指挥中心已收到测试，没有报警。"),
    Show.PRESSED: Words(
        "已按下（快速闪烁）",
        "按钮已按下。报警尚未存到卡上，消息服务器也没有确认。",
        "若持续几秒以上，请电话报警。",
    ),
    Show.STORED: Words(
        "已存储（均匀闪烁）",
        "报警已存到卡上，正在发送。外面还没有人确认。",
        "若持续半分钟以上，请电话报警。",
    ),
    Show.AT_BROKER: Words(
        "已到消息服务器（双闪）",
        "消息服务器已有此报警，但这不表示县指挥中心已收到。",
        "若持续半分钟以上，请电话报警。",
    ),
    Show.RECEIVED: Words("已收到（常亮）", "县指挥中心已收到报警，尚无警员确认看到。"),
    Show.SEEN: Words("已看到（常亮，短灭一次）", "县指挥中心的警员已看到报警。"),
    Show.DISPATCHED: Words("已派人（常亮，短灭两次）", "救援正在路上：警员已派人。"),
}

AT_BROKER_IS_THE_END = Words(
    "已到消息服务器（双闪）",
    "消息服务器已有此报警。本县的平台不能应答，校门无法知道更多。",
    "请致电县指挥中心，询问报警是否收到。",
)

PHASES: dict[Phase, str] = {
    Phase.DOWN: "未连接",
    Phase.DIALLING: "正在连接",
    Phase.UP: "已连接",
    Phase.CLOSING: "正在断开",
}

CLOCKS: dict[ClockQuality, str] = {
    ClockQuality.SYNCED: "已由网络校准",
    ClockQuality.HOLDOVER: "曾由网络校准，现自行走时",
    ClockQuality.UNSYNCED: "未校准：时间可能不准",
    ClockQuality.BACKFILLED: "事后推算",
}

LISTENING: dict[bool | None, str] = {True: "正在接收", False: "未在接收", None: "没有说明"}


def duration(seconds: int) -> str:
    """``3 秒``, ``4 分``, ``5 小时 10 分``, ``6 天 2 小时``."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if minutes == 0:
        return f"{seconds} 秒"
    if hours == 0:
        return f"{minutes} 分"
    if days == 0:
        return f"{hours} 小时 {minutes % 60} 分"
    return f"{days} 天 {hours % 24} 小时"


CHINESE = Lexicon(
    SHOWS, AT_BROKER_IS_THE_END, NOT_ARMED, ("此版本不认识这种灯光。", "请更新 gatepost。"), TROUBLES, PHASES, CLOCKS,
    LISTENING, duration,
)  # fmt: skip
