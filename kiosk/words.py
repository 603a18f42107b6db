"""Everything the pages and the loudspeaker say, in each language: the one place to change a word.

Short, neutral, no names. A student is never told what the reading may mean; a teacher will measure again. ``spoken``
takes at most 1.2 s, so it may be shorter than what is read; a change to it needs ``scripts/make-voice``.
"""

from __future__ import annotations

from typing import NamedTuple

from edge.measuring import Reason, Screen, Verdict


class Prompt(NamedTuple):
    """What one screen says: a few large words, a line below them, and what is spoken (empty: nothing).

    A line breaks only where ``\\n`` is: Chinese would break anywhere.
    """

    title: str
    detail: str
    spoken: str


class TeacherWords(NamedTuple):
    """The teacher's page."""

    title: str
    students_today: str
    flow: str
    flow_summary: str
    """With ``{students}`` and ``{most}``."""

    minutes_ago: str
    now: str
    to_see: str
    to_see_hint: str
    nobody: str
    time: str
    verdict: str
    reason: str
    skin: str
    estimate: str
    above_crowd: str
    crowd: str
    crowd_students: str
    """With ``{students}``."""

    warming_up: str
    sensor: str
    sensor_good: str
    sensor_fault: str
    missed: str
    air: str
    detector: str
    no_detector: str
    clock_unsure: str
    gone: str
    sign_in: str
    token: str
    enter: str
    wrong: str
    too_many: str


class Words(NamedTuple):
    """One language."""

    tag: str
    """As HTML's ``lang`` has it."""

    voice: str
    """espeak-ng's name of the voice."""

    title: str
    police: str
    police_hours: str
    about: str
    """In front of the estimate, which is no measurement of the body."""

    estimate_of: str
    disclaimer: str
    prompts: dict[Screen, Prompt]
    for_students: dict[Reason, str]
    """In place of a prompt's ``detail``; empty: the prompt's own stays."""

    for_teachers: dict[Reason, str]
    verdicts: dict[Verdict, str]
    teacher: TeacherWords


CHINESE = Words(
    tag="zh-CN",
    voice="cmn",
    title="校门体温初筛",
    police="校园警务室",
    police_hours="24 小时电话",
    about="约",
    estimate_of="额温估算",
    disclaimer="本屏只作体温初筛，不是医用体温计，结果不作诊断。",
    prompts={
        Screen.IDLE: Prompt("你好", "请站在脚印上，\n看镜头", ""),
        Screen.STAND_HERE: Prompt("请看镜头", "双脚站在脚印上", "请看镜头"),
        Screen.MEASURING: Prompt("请稍等", "站稳，马上就好", "请稍等"),
        Screen.NORMAL: Prompt("体温正常", "请进", "体温正常，请进"),
        Screen.AGAIN: Prompt("请再测一次", "再测一次，更准确", "请再测一次"),
        Screen.HIGH: Prompt("请到老师处\n复测", "老师会再量一次", "请到老师处复测"),
        Screen.CANNOT_SCREEN: Prompt("请稍候", "老师帮你测", "老师帮你测"),
        Screen.OUT_OF_ORDER: Prompt("本机\n暂停使用", "请到老师处测温", "请到老师处"),
    },
    for_students={
        Reason.NONE: "",
        Reason.COME_CLOSER: "请靠近一点",
        Reason.UNCOVER_FOREHEAD: "请露出额头",
        Reason.HOLD_STILL: "请站稳，不要动",
        Reason.ONE_AT_A_TIME: "一次一人",
        Reason.HOT_OBJECT: "请拿开热的东西",
        Reason.BORDERLINE: "再测一次，更准确",
        Reason.ABOVE_CROWD: "",
        Reason.ABOVE_GUARD: "",
        Reason.TOO_FEW_SAMPLES: "请多站一会儿",
        Reason.TOO_COLD_HERE: "这里太冷，\n老师帮你测",
        Reason.TOO_WARM_HERE: "这里太热，\n老师帮你测",
        Reason.CROWD_TOO_MIXED: "",
        Reason.SENSOR_FAULT: "",
    },
    for_teachers={
        Reason.NONE: "",
        Reason.COME_CLOSER: "站得太远",
        Reason.UNCOVER_FOREHEAD: "额头被遮住",
        Reason.HOLD_STILL: "没有站稳",
        Reason.ONE_AT_A_TIME: "不止一人",
        Reason.HOT_OBJECT: "有热的物品",
        Reason.BORDERLINE: "接近界限",
        Reason.ABOVE_CROWD: "高于今天的同学",
        Reason.ABOVE_GUARD: "高于警戒值",
        Reason.TOO_FEW_SAMPLES: "读数太少",
        Reason.TOO_COLD_HERE: "环境太冷",
        Reason.TOO_WARM_HERE: "环境太热",
        Reason.CROWD_TOO_MIXED: "今天读数太分散",
        Reason.SENSOR_FAULT: "传感器故障",
    },
    verdicts={
        Verdict.NORMAL: "正常",
        Verdict.AGAIN: "再测",
        Verdict.HIGH: "复测",
        Verdict.CANNOT_SCREEN: "未能测",
    },
    teacher=TeacherWords(
        title="值班老师",
        students_today="今天",
        flow="每分钟人数",
        flow_summary="最近 60 分钟 {students} 人，最多一分钟 {most} 人",
        minutes_ago="60 分钟前",
        now="现在",
        to_see="需要老师的同学",
        to_see_hint="最近 20 次，新的在上。请用接触式体温计复测。",
        nobody="还没有需要老师的同学",
        time="时间",
        verdict="结果",
        reason="原因",
        skin="额头皮肤",
        estimate="约（额温估算）",
        above_crowd="高于同学",
        crowd="同学的额头皮肤",
        crowd_students="最近 {students} 人的中位数",
        warming_up="人数还少，正在学习；现在只按警戒值判断",
        sensor="传感器",
        sensor_good="正常",
        sensor_fault="故障：请检查接线",
        missed="读数失败",
        air="环境",
        detector="人脸检测",
        no_detector="无",
        clock_unsure="本机时钟未校准，时间可能不准",
        gone="与本机失去联系，下面是空白，不是正常",
        sign_in="请输入老师口令",
        token="口令",
        enter="进入",
        wrong="口令不对，请再试一次。",
        too_many="试得太多，请一分钟后再试。",
    ),
)

ENGLISH = Words(
    tag="en-GB",
    voice="en-gb",
    title="Temperature check",
    police="Campus police room",
    police_hours="24 hours",
    about="about",
    estimate_of="estimate from the forehead",
    disclaimer="This screen is a screening aid, not a medical thermometer. It makes no diagnosis.",
    prompts={
        Screen.IDLE: Prompt("Hello", "Stand on the footprints and look at the camera", ""),
        Screen.STAND_HERE: Prompt("Look at the camera", "Both feet on the footprints", "Look at the camera"),
        Screen.MEASURING: Prompt("One moment", "Stand still, nearly done", "One moment"),
        Screen.NORMAL: Prompt("Temperature normal", "Please come in", "Normal, come in"),
        Screen.AGAIN: Prompt("Please try once more", "A second look is more exact", "Once more, please"),
        Screen.HIGH: Prompt("Please see the teacher", "for a second check", "Please see the teacher"),
        Screen.CANNOT_SCREEN: Prompt("Please wait", "The teacher will help you", "Wait for the teacher"),
        Screen.OUT_OF_ORDER: Prompt("Out of use", "Please go to the teacher", "Go to the teacher"),
    },
    for_students={
        Reason.NONE: "",
        Reason.COME_CLOSER: "Come a little closer",
        Reason.UNCOVER_FOREHEAD: "Uncover your forehead",
        Reason.HOLD_STILL: "Stand still",
        Reason.ONE_AT_A_TIME: "One at a time",
        Reason.HOT_OBJECT: "Put the hot thing away",
        Reason.BORDERLINE: "A second look is more exact",
        Reason.ABOVE_CROWD: "",
        Reason.ABOVE_GUARD: "",
        Reason.TOO_FEW_SAMPLES: "Stay a little longer",
        Reason.TOO_COLD_HERE: "It is too cold here. The teacher will help you",
        Reason.TOO_WARM_HERE: "It is too warm here. The teacher will help you",
        Reason.CROWD_TOO_MIXED: "",
        Reason.SENSOR_FAULT: "",
    },
    for_teachers={
        Reason.NONE: "",
        Reason.COME_CLOSER: "stood too far away",
        Reason.UNCOVER_FOREHEAD: "forehead covered",
        Reason.HOLD_STILL: "did not stand still",
        Reason.ONE_AT_A_TIME: "more than one",
        Reason.HOT_OBJECT: "a hot object",
        Reason.BORDERLINE: "near the limit",
        Reason.ABOVE_CROWD: "above today's students",
        Reason.ABOVE_GUARD: "above the guard value",
        Reason.TOO_FEW_SAMPLES: "too few readings",
        Reason.TOO_COLD_HERE: "too cold here",
        Reason.TOO_WARM_HERE: "too warm here",
        Reason.CROWD_TOO_MIXED: "today's readings differ too much",
        Reason.SENSOR_FAULT: "sensor fault",
    },
    verdicts={
        Verdict.NORMAL: "normal",
        Verdict.AGAIN: "again",
        Verdict.HIGH: "second check",
        Verdict.CANNOT_SCREEN: "not screened",
    },
    teacher=TeacherWords(
        title="Teacher on duty",
        students_today="Today",
        flow="Students per minute",
        flow_summary="{students} in the last 60 minutes, {most} in the busiest",
        minutes_ago="60 min ago",
        now="now",
        to_see="Students to look after",
        to_see_hint="The last 20, newest first. Check with a contact thermometer.",
        nobody="Nobody needs you so far",
        time="Time",
        verdict="Result",
        reason="Why",
        skin="Forehead skin",
        estimate="About (estimate)",
        above_crowd="Above the others",
        crowd="The others' forehead skin",
        crowd_students="median of the last {students}",
        warming_up="Few students so far: only the guard value decides",
        sensor="Sensor",
        sensor_good="well",
        sensor_fault="faulty: check its wires",
        missed="readings missed",
        air="Air",
        detector="Faces found by",
        no_detector="nothing",
        clock_unsure="The gate's clock is not set: times may be wrong",
        gone="No word from the gate. What is empty below does not mean that all is well",
        sign_in="The teachers' word, please",
        token="Word",
        enter="Enter",
        wrong="That is not the word. Please try again.",
        too_many="Too many tries. Please try again in a minute.",
    ),
)

LANGUAGES = {"zh": CHINESE, "en": ENGLISH}
"""By ``kiosk.language`` of the settings."""
